#include "autograd/profile.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/allocator.h"
#include "core/error.h"

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#endif

namespace pyforge::profile {
namespace {

// ---- time --------------------------------------------------------------------------------------

int64_t system_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

#if defined(__x86_64__)
bool constant_counter() {
  unsigned a, b, c, d;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
}
const bool use_counter = constant_counter();
int64_t ticks() { return use_counter ? static_cast<int64_t>(__rdtsc()) : system_nanoseconds(); }
#else
int64_t ticks() { return system_nanoseconds(); }
#endif

int64_t live_bytes(const Options& options) {
  return options.memory ? detail::counters.live_bytes : 0;
}

ClockReading read_clock() { return {ticks(), system_nanoseconds()}; }

int64_t thread_number() {
#ifdef __linux__
  return syscall(SYS_gettid);
#else
  static int64_t threads = 0;
  return ++threads;
#endif
}

// ---- the recording under way -------------------------------------------------------------------

Trace* trace = nullptr;
uint32_t recording = 0;  // which one, in the upper half of handles

// Of a thread; `recording` says for which one it is valid.
struct Thread {
  uint32_t recording = 0, number = 0;
  std::vector<int32_t> open;
};
thread_local Thread this_thread;

Thread& thread_of_recording() {
  Thread& t = this_thread;
  if (t.recording != recording) {
    t.recording = recording;
    t.number = static_cast<uint32_t>(trace->threads.size());
    t.open.clear();
    trace->threads.push_back(thread_number());
  }
  return t;
}

// Names by address, with the text compared: an address may come to hold another name.
struct KnownName {
  const char* address = nullptr;
  uint32_t id = 0;
};
constexpr size_t kKnown = 512;
KnownName known_names[kKnown];

uint32_t id_of(std::string_view name) {
  KnownName& known = known_names[(reinterpret_cast<uintptr_t>(name.data()) >> 3) % kKnown];
  if (known.address == name.data() && trace->names[known.id] == name) return known.id;
  uint32_t id = 0;
  while (id < trace->names.size() && trace->names[id] != name) ++id;
  if (id == trace->names.size()) trace->names.emplace_back(name);
  known = {name.data(), id};
  return id;
}

Event& append(std::string_view name, Kind kind, Thread& thread) {
  if (trace->count == trace->chunks.size() * Trace::kChunk)
    trace->chunks.push_back(std::make_unique_for_overwrite<Event[]>(Trace::kChunk));
  Event& e = trace->at(trace->count);
  while (!thread.open.empty() && trace->at(static_cast<size_t>(thread.open.back())).end)
    thread.open.pop_back();  // ended by another thread
  e.name = id_of(name);
  e.kind = kind;
  e.thread = thread.number;
  e.parent = thread.open.empty() ? -1 : thread.open.back();
  e.end = 0;
  e.bytes_before = e.bytes_after = live_bytes(trace->options);
  e.sequence = e.sequence_end = nodes_made();
  e.shapes = e.out_shapes = e.frames = -1;
  thread.open.push_back(static_cast<int32_t>(trace->count++));
  return e;
}

Handle handle_of_last() { return (Handle{recording} << 32) | trace->count; }

Event* event_of(Handle handle) {
  if (!trace || handle >> 32 != recording) return nullptr;
  return &trace->at(static_cast<uint32_t>(handle) - 1);
}

void capture_frames(Event& e) {
  constexpr int kMost = 64;
  void* codes[kMost];
  int32_t instructions[kMost];
  int n = hooks.capture_stack
              ? hooks.capture_stack(codes, instructions, std::min(trace->options.frames, kMost))
              : 0;
  const auto first = static_cast<int64_t>(trace->frames.size());
  for (int i = 0; i < n; ++i) trace->frames.push_back({codes[i], instructions[i]});
  trace->frames.push_back({nullptr, 0});
  e.frames = first;
}

void close(Event& e, const Options& options) {
  e.end = ticks();
  e.bytes_after = live_bytes(options);
  if (e.kind != Kind::Node) e.sequence_end = nodes_made();
}

}  // namespace

Trace::~Trace() {
  for (Frame& f : frames)
    if (f.code) source_hooks.release(f.code);
}

double Trace::nanoseconds(int64_t at) const {
  int64_t span = stop.ticks - start.ticks;
  double rate =
      span > 0 ? static_cast<double>(stop.nanoseconds - start.nanoseconds) / double(span) : 1;
  return static_cast<double>(at - start.ticks) * rate;
}

void start(Options options) {
  PF_CHECK(!trace, Runtime, "Profiler is already enabled: end one recording before the next");
  trace = new Trace;
  trace->options = options;
  ++recording;
  std::fill(std::begin(known_names), std::end(known_names), KnownName{});
  trace->start = read_clock();
  on = true;
}

std::unique_ptr<Trace> stop() {
  PF_CHECK(trace, Runtime, "Can't disable the profiler when it's not running");
  on = false;
  std::unique_ptr<Trace> done(std::exchange(trace, nullptr));
  for (size_t i = 0; i < done->count; ++i)
    if (done->at(i).end == 0) close(done->at(i), done->options);
  done->stop = read_clock();
  return done;
}

void abandon() {
  on = false;
  delete std::exchange(trace, nullptr);
}

Handle begin(std::string_view name, Kind kind) noexcept {
  if (!trace) return 0;
  try {
    Event& e = append(name, kind, thread_of_recording());
    if (trace->options.frames) capture_frames(e);
    e.begin = ticks();
    return handle_of_last();
  } catch (...) {  // no memory: the program goes on, unrecorded
    return 0;
  }
}

Handle begin(Node& node, const Tensor* grads) noexcept {
  if (!trace) return 0;
  try {
    Event& e = append(node.type->name, Kind::Node, thread_of_recording());
    const Handle handle = handle_of_last();
    e.sequence = node.sequence;
    if (trace->options.shapes) {
      Shapes shapes;
      for (uint32_t i = 0; i < node.n_outputs; ++i)
        shapes.add(grads[i].defined() ? grads[i].sizes() : IntSpan());
      set_shapes(handle, false, shapes);
    }
    e.begin = ticks();
    return handle;
  } catch (...) {
    return 0;
  }
}

void end(Handle handle) noexcept {
  Event* e = event_of(handle);
  if (!e || e->end) return;
  close(*e, trace->options);
  // Usually the innermost one; ranges may end in any order, and in another thread.
  std::vector<int32_t>& open = this_thread.open;
  auto index = static_cast<int32_t>(static_cast<uint32_t>(handle) - 1);
  if (auto found = std::find(open.rbegin(), open.rend(), index); found != open.rend())
    open.erase(std::next(found).base());
}

bool wants_shapes() { return trace && trace->options.shapes; }

void set_shapes(Handle handle, bool of_results, const Shapes& shapes) {
  Event* e = event_of(handle);
  if (!e) return;
  const auto first = static_cast<int64_t>(trace->shapes.size());
  trace->shapes.insert(trace->shapes.end(), shapes.list().begin(), shapes.list().end());
  (of_results ? e->out_shapes : e->shapes) = first;
}

}  // namespace pyforge::profile
