// Statistics for pyforge.diagnose: of gradients, of updates, of activations.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_set>

#include "autograd/anomaly.h"
#include "autograd/engine.h"
#include "autograd/meta.h"
#include "kernels/dispatch.h"
#include "ops/basic.h"
#include "python/bind.h"
#include "python/caster.h"

namespace py = pybind11;

namespace pyforge::python {
namespace {

double element(const Tensor& t, int64_t i) {
  return t.dtype() == DType::Float64 ? t.data<double>()[i]
                                     : static_cast<double>(t.data<float>()[i]);
}

template <class T>
T* room_in(const py::buffer& out, size_t count) {
  py::buffer_info info = out.request(true);
  PF_CHECK(info.itemsize == static_cast<py::ssize_t>(sizeof(T)) &&
               static_cast<size_t>(info.size) >= count,
           Value, "expected a writable buffer of ", count, " numbers of ", sizeof(T), " bytes");
  return static_cast<T*>(info.ptr);
}

// Gradients of a list of leaves, samples of their values to measure updates with, and the steps of
// the optimisers that move them. Between steps of note, no Python is called.
class GradientWatches {
 public:
  static constexpr int kColumns = 8, kSamples = 16, kUpdateEvery = 4, kTrackColumns = 3;

  GradientWatches(std::vector<Tensor> leaves, bool exact) : leaves_(std::move(leaves)) {
    for (const Tensor& t : leaves_) {
      PF_CHECK(t.dtype() == DType::Float32 || t.dtype() == DType::Float64, Type,
               "only float32 and float64 leaves are watched, not ", dtype_name(t.dtype()));
      TensorMeta& meta = meta_of(t);
      if (meta.watch)
        ++meta.watch->users;
      else
        meta.watch = new GradientWatch;
      meta.watch->exact |= exact;
      watches_.push_back(meta.watch);
      seen_.push_back(meta.watch->arrivals);
    }
    samples_.resize(leaves_.size() * kSamples);
    offsets_.resize(leaves_.size());
    steps_.resize(leaves_.size());
    versions_.resize(leaves_.size());
    ratios_.assign(leaves_.size(), std::nanf(""));
    for (size_t i = 0; i < leaves_.size(); ++i) take_sample(i);
  }
  ~GradientWatches() { remove(); }
  GradientWatches(const GradientWatches&) = delete;
  GradientWatches& operator=(const GradientWatches&) = delete;

  void remove() {
    std::erase(listeners, this);
    if (listeners.empty()) engine_hooks.observe = nullptr;
    call_ = {};
    for (const Tensor& t : leaves_) {
      TensorMeta& meta = meta_of(t);
      if (!meta.watch || --meta.watch->users) continue;
      delete meta.watch;
      meta.watch = nullptr;
    }
    leaves_.clear();
    watches_.clear();
  }

  // From now on, call(roots, done) around backward passes: around each one while `every_pass`,
  // then around those with a loss or gradients that are not finite.
  void listen(py::object call, bool every_pass) {
    call_ = std::move(call);
    every_pass_ = every_pass;
    if (std::find(listeners.begin(), listeners.end(), this) == listeners.end())
      listeners.push_back(this);
    engine_hooks.observe = observe_all;
  }

  // Leaves that got a gradient since the last call.
  int64_t arrived() {
    int64_t count = 0;
    for (size_t i = 0; i < watches_.size(); ++i) {
      uint64_t now = watches_[i]->arrivals;
      count += now != seen_[i];
      seen_[i] = now;
    }
    return count;
  }

  // Of each leaf: norm, largest, share of zeros, share of |g| < 1e-8, not finite, passes (0: never
  // any), carried, place of the last arrival in the order of all.
  void read(const py::buffer& out) {
    double* row = room_in<double>(out, leaves_.size() * kColumns);
    for (size_t i = 0; i < leaves_.size(); ++i, row += kColumns) {
      const GradientWatch& w = watch(i);
      double n = static_cast<double>(std::max<int64_t>(w.count, 1));
      row[0] = std::sqrt(squares(w));
      row[1] = w.stats.max_abs;
      row[2] = static_cast<double>(w.stats.zeros) / n;
      row[3] = static_cast<double>(w.stats.tiny) / n;
      row[4] = static_cast<double>(w.stats.non_finite);
      row[5] = w.arrivals ? w.passes : 0;
      row[6] = w.carried;
      row[7] = w.turn;
    }
  }

  // Of the leaves with a gradient that is not finite the one that got it first, or -1.
  int64_t first_non_finite() const {
    int64_t first = -1;
    for (size_t i = 0; i < watches_.size(); ++i)
      if (watches_[i]->stats.non_finite &&
          (first < 0 || static_cast<int32_t>(watches_[i]->turn - watch(first).turn) < 0))
        first = static_cast<int64_t>(i);
    return first;
  }

  // The loss of the next step.
  void set_loss(std::optional<double> loss) { loss_ = loss; }

  // An optimiser over the leaves `at`. Its steps fill `window` [steps][leaves][norm, share of
  // zeros, update ratio] in turn. Returns its number.
  size_t track(std::vector<size_t> at, py::buffer window) {
    for (size_t i : at) PF_CHECK(i < leaves_.size(), Index, "leaf ", i, " of ", leaves_.size());
    auto* rows = room_in<float>(window, at.size() * kTrackColumns);
    size_t one = std::max<size_t>(at.size() * kTrackColumns, 1);
    size_t length = std::max<size_t>(static_cast<size_t>(window.request().size) / one, 1);
    tracks_.push_back({std::move(at), std::move(window), rows, length, 0, {}});
    tracks_.back().pending.reserve(length);
    return tracks_.size() - 1;
  }

  // Before a step: 1 if a gradient holds what an earlier step has used, 2 if one is not finite.
  int before(size_t k) const {
    bool carried = false, bad = false;
    for (size_t i : track_at(k).at) {
      carried = carried || watches_[i]->carried;
      bad = bad || watches_[i]->stats.non_finite;
    }
    return carried + 2 * bad;
  }

  // After it: marks the gradients as used. Returns how many steps wait for take(); at most as many
  // as the window has rows.
  size_t after(size_t k, double lr) {
    Track& track = tracks_[check(k)];
    float* row = track.rows + track.steps % track.length * track.at.size() * kTrackColumns;
    double total = 0;
    for (size_t i : track.at) {
      const GradientWatch& w = watch(i);
      auto n = static_cast<float>(std::max<int64_t>(w.count, 1));
      double size = squares(w);
      total += size;
      watches_[i]->stepped = true;
      uint8_t turn = steps_[i];
      steps_[i] = static_cast<uint8_t>((turn + 1) % kUpdateEvery);
      if (turn == 0) ratios_[i] = static_cast<float>(update_ratio(i));
      if (turn == kUpdateEvery - 1) take_sample(i);
      *row++ = static_cast<float>(std::sqrt(size));
      *row++ = static_cast<float>(w.stats.zeros) / n;
      *row++ = ratios_[i];
    }
    ++track.steps;
    if (track.pending.size() < track.length) track.pending.push_back({loss_, std::sqrt(total), lr});
    loss_.reset();
    return track.pending.size();
  }

  // Remembers the values of now; moved() tells whether any has changed since.
  void hold() {
    for (size_t i = 0; i < leaves_.size(); ++i) {
      take_sample(i);
      versions_[i] = version(leaves_[i]);
    }
  }
  bool moved() {
    for (size_t i = 0; i < leaves_.size(); ++i)
      if (version(leaves_[i]) != versions_[i] || update_ratio(i) > 0) return true;
    return false;
  }

  // The steps since the last call: (loss or None, norm of all gradients, learning rate).
  py::list take(size_t k) {
    Track& track = tracks_[check(k)];
    py::list rows;
    for (const Step& step : track.pending)
      rows.append(py::make_tuple(step.loss, step.norm, step.lr));
    track.pending.clear();
    return rows;
  }

  std::vector<uint32_t> histogram(size_t i) const {
    PF_CHECK(i < leaves_.size(), Index, "leaf ", i, " of ", leaves_.size());
    const GradientWatch& w = watch(i);
    return {std::begin(w.bins), std::end(w.bins)};
  }

  // Bytes kept per leaf.
  static size_t bytes_per_leaf() {
    return sizeof(GradientWatch) + sizeof(Tensor) + sizeof(GradientWatch*) +
           kSamples * sizeof(float) + 2 * sizeof(int64_t) + sizeof(float) + 1;
  }

 private:
  struct Step {
    std::optional<double> loss;
    double norm, lr;
  };
  struct Track {
    std::vector<size_t> at;
    py::buffer window;
    float* rows;
    size_t length, steps;
    std::vector<Step> pending;
  };

  static void observe_all(const std::vector<Tensor>& roots, bool done) {
    for (size_t k = 0; k < listeners.size();) {  // a call may remove listeners
      GradientWatches* listener = listeners[k];
      listener->observe(roots, done);
      if (k < listeners.size() && listeners[k] == listener) ++k;
    }
  }

  void observe(const std::vector<Tensor>& roots, bool done) {
    const Tensor* loss = roots.size() == 1 && is_floating(roots[0].dtype()) ? &roots[0] : nullptr;
    if (!done) {
      calling_ = every_pass_ || (loss && finiteness(*loss) != kernels::kFinite);
    } else if (!calling_ && first_non_finite() < 0) {
      if (arrived() && loss && loss->numel() == 1) loss_ = ops::item(*loss).to_double();
      return;
    }
    if (!done && !calling_) return;
    py::object call = call_;
    try {
      call(roots, done);
    } catch (py::error_already_set& e) {
      e.restore();
      throw PythonError();
    }
  }

  size_t check(size_t k) const {
    PF_CHECK(k < tracks_.size(), Index, "track ", k, " of ", tracks_.size());
    return k;
  }
  const Track& track_at(size_t k) const { return tracks_[check(k)]; }
  const GradientWatch& watch(size_t i) const { return *watches_[i]; }
  const GradientWatch& watch(int64_t i) const { return *watches_[static_cast<size_t>(i)]; }

  // Of the whole gradient, by the part that was looked at.
  static double squares(const GradientWatch& w) {
    return w.count
               ? w.stats.sum_squares * (static_cast<double>(w.total) / static_cast<double>(w.count))
               : w.stats.sum_squares;
  }

  static uint32_t version(const Tensor& t) { return static_cast<uint32_t>(t->storage->version); }

  int64_t position(size_t i, int k) const {
    const int64_t n = leaves_[i].numel();
    return (n / kSamples * k + k + offsets_[i]) % n;
  }
  void take_sample(size_t i) {
    const Tensor& t = leaves_[i];
    if (t.numel() == 0 || !t.is_contiguous()) return;
    offsets_[i] = (offsets_[i] + 7919) % t.numel();
    for (int k = 0; k < kSamples; ++k)
      samples_[i * kSamples + k] = static_cast<float>(element(t, position(i, k)));
  }
  double update_ratio(size_t i) {
    const Tensor& t = leaves_[i];
    if (t.numel() == 0 || !t.is_contiguous()) return std::nan("");
    double moved = 0, size = 0;
    for (int k = 0; k < kSamples; ++k) {
      double before = samples_[i * kSamples + k];
      double after = static_cast<float>(element(t, position(i, k)));
      moved += (after - before) * (after - before);
      size += before * before;
    }
    return size > 0 ? std::sqrt(moved / size) : std::nan("");
  }

  static inline std::vector<GradientWatches*> listeners;

  std::vector<Tensor> leaves_;
  std::vector<GradientWatch*> watches_;
  std::vector<uint64_t> seen_;
  std::vector<uint32_t> versions_;
  std::vector<float> samples_;
  std::vector<int64_t> offsets_;
  std::vector<uint8_t> steps_;
  std::vector<float> ratios_;
  std::vector<Track> tracks_;
  std::optional<double> loss_;
  py::object call_;
  bool every_pass_ = false, calling_ = false;
};

// One layer's outputs: sums over at most kRows rows of each, and which units were ever active.
class ActivationWatch {
 public:
  static constexpr int64_t kRows = 32, kUnits = 512;

  ActivationWatch(double lower, double upper, bool channels)
      : lower_(lower), upper_(upper), channels_(channels) {}

  void observe(const Tensor& output) {
    if (!is_floating(output.dtype()) || output.dim() == 0 || output.numel() == 0) return;
    Tensor t = ops::widened(alias(output));
    if (!t.is_contiguous()) t = ops::contiguous(t);
    ++calls_;
    if (channels_ && t.dim() >= 3)
      by_channel(t);
    else
      by_column(t);
  }

  // (calls, elements, mean, standard deviation, shares: zero, below, above, not finite; units
  // followed, numbers of those never active)
  py::tuple read() const {
    double n = static_cast<double>(std::max<int64_t>(sums_.count, 1)), mean = sums_.sum / n;
    double variance = std::max(0.0, sums_.sum_squares / n - mean * mean);
    py::list dead;
    for (size_t i = 0; i < active_.size(); ++i)
      if (!active_[i]) dead.append(i);
    return py::make_tuple(calls_, sums_.count, mean, std::sqrt(variance),
                          static_cast<double>(sums_.zeros) / n, static_cast<double>(sums_.low) / n,
                          static_cast<double>(sums_.high) / n,
                          static_cast<double>(sums_.non_finite) / n, active_.size(), dead);
  }

  void reset() {
    sums_ = {};
    calls_ = 0;
    std::fill(active_.begin(), active_.end(), uint8_t{0});
  }

 private:
  auto kernel(const Tensor& t) const {
    return kernels::active().stats.activation[t.dtype() == DType::Float64];
  }
  void follow(int64_t units) {
    units = std::min(units, kUnits);
    if (static_cast<int64_t>(active_.size()) != units)
      active_.assign(static_cast<size_t>(units), uint8_t{0});
  }
  void by_column(const Tensor& t) {
    int64_t columns = t.size(t.dim() - 1), rows = t.numel() / columns;
    int64_t step = (rows + kRows - 1) / kRows;
    follow(columns);
    kernel(t)(t->data, (rows + step - 1) / step, step * columns, columns, lower_, upper_,
              active_.data(), static_cast<int64_t>(active_.size()), &sums_);
  }
  void by_channel(const Tensor& t) {
    int64_t channels = t.size(1), area = t.numel() / t.size(0) / channels;
    int64_t images = std::min<int64_t>(t.size(0), 8),
            size = static_cast<int64_t>(itemsize(t.dtype()));
    follow(channels);
    for (int64_t i = 0; i < images * channels; ++i) {
      int64_t quiet = sums_.zeros + sums_.low + sums_.high, before = sums_.count;
      kernel(t)(t->data + i * area * size, 1, area, area, lower_, upper_, nullptr, 0, &sums_);
      bool moved = sums_.zeros + sums_.low + sums_.high - quiet < sums_.count - before;
      auto unit = static_cast<size_t>(i % channels);
      if (moved && unit < active_.size()) active_[unit] = 1;
    }
  }

  double lower_, upper_;
  bool channels_;
  int64_t calls_ = 0;
  kernels::ActivationStats sums_{};
  std::vector<uint8_t> active_;
};

// The leaves into which a backward pass from `root` would accumulate.
std::vector<Tensor> graph_leaves(const Tensor& root) {
  std::vector<Tensor> leaves;
  std::vector<Node*> stack;
  Edge e = gradient_edge(root);
  if (!e.fn) return leaves;
  Ref<Node> hold = Ref<Node>::steal(e.fn);
  std::unordered_set<Node*> seen;
  auto visit = [&](Node* n) {
    if (seen.insert(n).second) stack.push_back(n);
  };
  visit(hold.get());
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    if (is_accumulator(n)) leaves.push_back(accumulator_variable(n));
    for (uint32_t i = 0; i < n->n_edges; ++i)
      if (Node* child = n->edges()[i].fn) visit(child);
  }
  return leaves;
}

PF_BIND {
  py::class_<GradientWatches>(m, "_GradientWatches")
      .def(py::init<std::vector<Tensor>, bool>(), py::arg("leaves"), py::arg("exact") = false)
      .def("remove", &GradientWatches::remove)
      .def("arrived", &GradientWatches::arrived)
      .def("read", &GradientWatches::read)
      .def("first_non_finite", &GradientWatches::first_non_finite)
      .def("listen", &GradientWatches::listen, py::arg("call"), py::arg("every_pass"))
      .def("set_loss", &GradientWatches::set_loss)
      .def("track", &GradientWatches::track)
      .def("before", &GradientWatches::before)
      .def("after", &GradientWatches::after)
      .def("take", &GradientWatches::take)
      .def("hold", &GradientWatches::hold)
      .def("moved", &GradientWatches::moved)
      .def("histogram", &GradientWatches::histogram)
      .def_static("bytes_per_leaf", &GradientWatches::bytes_per_leaf);
  py::class_<ActivationWatch>(m, "_ActivationWatch")
      .def(py::init<double, double, bool>())
      .def("observe", &ActivationWatch::observe)
      .def("read", &ActivationWatch::read)
      .def("reset", &ActivationWatch::reset);
  m.def("_graph_leaves", graph_leaves);
}

}  // namespace
}  // namespace pyforge::python
