// What the profiler records: one event per op that Python calls, per node that a backward pass
// runs, and per range that a program marks. Called with the GIL held.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/node.h"

namespace pyforge {

// How many nodes this process has made: the sequence number of the next one.
uint64_t nodes_made();

namespace profile {

enum class Kind : uint8_t { Op, Node, Pass, Range, Step };

struct Options {
  bool shapes = false;
  bool memory = false;
  int frames = 0;  // of the user's stack, per op and range; a node has those of its op
};

struct Frame {
  void* code;  // owned
  int32_t instruction;
};

struct Event {
  uint32_t name;  // in Trace::names
  Kind kind;
  uint32_t thread;                     // in Trace::threads
  int32_t parent;                      // the event around it on this thread, or -1
  int64_t begin, end;                  // ticks; end is 0 while it is open
  int64_t bytes_before, bytes_after;   // live in the allocator, if asked for
  uint64_t sequence, sequence_end;     // of the node that ran; of the nodes made within
  int64_t shapes, out_shapes, frames;  // first entry in the pools of the trace, or -1
};

// Note [The profiler's clock]
// Events carry the counter of the CPU where it runs at a constant rate, at a third of the cost of
// the system's clock; that clock, read at both ends of the recording, gives the rate.
struct ClockReading {
  int64_t ticks, nanoseconds;  // of the same moment; nanoseconds as the monotonic clock has them
};

struct Trace {
  static constexpr size_t kChunk = 4096;
  Options options;
  std::vector<std::unique_ptr<Event[]>> chunks;
  size_t count = 0;
  std::vector<std::string> names;
  std::vector<int64_t> threads;  // what the system calls them
  std::vector<int64_t> shapes;   // lists of Shapes
  std::vector<Frame> frames;     // ended by one without code
  ClockReading start, stop;

  ~Trace();
  Event& at(size_t i) { return chunks[i / kChunk][i % kChunk]; }
  double nanoseconds(int64_t ticks) const;
};

inline bool on = false;

// Filled in by the Python layer: code objects and instructions of up to `most` of the user's
// frames, innermost first, each an owned reference; how many there are.
struct Hooks {
  int (*capture_stack)(void** codes, int32_t* instructions, int most) = nullptr;
};
inline Hooks hooks;

// Throws Error(Runtime) if a recording is under way.
void start(Options options);
// Ends the recording and every event that is open. Throws Error(Runtime) if there is none.
std::unique_ptr<Trace> stop();
// Drops the recording, as in a process that was forked.
void abandon();

// Of an event: 0 is none. A handle that outlives its recording does nothing.
using Handle = uint64_t;
Handle begin(std::string_view name, Kind kind) noexcept;
Handle begin(Node& node, const Tensor* grads) noexcept;
void end(Handle handle) noexcept;

// Shapes of arguments or results: their number, then of each the number of dimensions and the
// sizes.
class Shapes {
 public:
  Shapes() { list_.push_back(0); }
  void add(IntSpan sizes) {
    ++list_[0];
    list_.push_back(sizes.size());
    list_.insert(list_.end(), sizes.begin(), sizes.end());
  }
  const std::vector<int64_t>& list() const { return list_; }

 private:
  std::vector<int64_t> list_;
};
bool wants_shapes();
void set_shapes(Handle handle, bool of_results, const Shapes& shapes);

class Scope {
 public:
  explicit Scope(std::string_view name, Kind kind = Kind::Op)
      : handle_(__builtin_expect(on, 0) ? begin(name, kind) : 0) {}
  Scope(Node& node, const Tensor* grads)
      : handle_(__builtin_expect(on, 0) ? begin(node, grads) : 0) {}
  ~Scope() {
    if (__builtin_expect(handle_ != 0, 0)) end(handle_);
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  Handle handle() const { return handle_; }

 private:
  Handle handle_;
};

}  // namespace profile
}  // namespace pyforge
