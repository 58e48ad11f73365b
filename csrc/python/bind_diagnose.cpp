// Statistics for pyforge.diagnose: of gradients, of updates, of activations; and the observer of
// backward passes.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>

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

// Gradients of a list of leaves, and samples of their values to measure updates with.
class GradientWatches {
 public:
  static constexpr int kColumns = 7, kSamples = 16, kUpdateEvery = 4;

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
      seen_.push_back(meta.watch->arrivals);
    }
    samples_.resize(leaves_.size() * kSamples);
    offsets_.resize(leaves_.size());
    steps_.resize(leaves_.size());
    ratios_.assign(leaves_.size(), std::nan(""));
    for (size_t i = 0; i < leaves_.size(); ++i) take_sample(i);
  }
  ~GradientWatches() { remove(); }
  GradientWatches(const GradientWatches&) = delete;
  GradientWatches& operator=(const GradientWatches&) = delete;

  void remove() {
    for (const Tensor& t : leaves_) {
      TensorMeta& meta = meta_of(t);
      if (!meta.watch || --meta.watch->users) continue;
      delete meta.watch;
      meta.watch = nullptr;
    }
    leaves_.clear();
  }

  // Leaves that got a gradient since the last call.
  int64_t arrived() {
    int64_t count = 0;
    for (size_t i = 0; i < leaves_.size(); ++i) {
      uint64_t now = watch(i).arrivals;
      count += now != seen_[i];
      seen_[i] = now;
    }
    return count;
  }

  // Of each leaf: norm, largest, share of zeros, share of |g| < 1e-8, not finite, passes (0: never
  // any), carried.
  void read(const py::buffer& out) {
    double* row = room_in<double>(out, leaves_.size() * kColumns);
    for (size_t i = 0; i < leaves_.size(); ++i, row += kColumns) {
      const GradientWatch& w = watch(i);
      double n = static_cast<double>(std::max<int64_t>(w.count, 1));
      double part = w.count ? static_cast<double>(w.total) / static_cast<double>(w.count) : 1;
      row[0] = std::sqrt(w.stats.sum_squares * part);
      row[1] = w.stats.max_abs;
      row[2] = static_cast<double>(w.stats.zeros) / n;
      row[3] = static_cast<double>(w.stats.tiny) / n;
      row[4] = static_cast<double>(w.stats.non_finite);
      row[5] = w.arrivals ? w.passes : 0;
      row[6] = w.carried;
    }
  }

  // The first leaf with a gradient that is not finite, or -1.
  int64_t first_non_finite() const {
    for (size_t i = 0; i < leaves_.size(); ++i)
      if (watch(i).stats.non_finite) return static_cast<int64_t>(i);
    return -1;
  }

  // After an optimiser's step on the leaves `at`: size of the update over size of the value, by a
  // sample, at the first step and then at every fourth; the last one in between. Marks their
  // gradients as used.
  void stepped(const std::vector<size_t>& at, const py::buffer& out) {
    double* row = room_in<double>(out, at.size());
    for (size_t i : at) {
      PF_CHECK(i < leaves_.size(), Index, "leaf ", i, " of ", leaves_.size());
      watch(i).stepped = true;
      uint8_t turn = steps_[i];
      steps_[i] = static_cast<uint8_t>((turn + 1) % kUpdateEvery);
      if (turn == 0) ratios_[i] = update_ratio(i);
      if (turn == kUpdateEvery - 1) take_sample(i);
      *row++ = ratios_[i];
    }
  }

  std::vector<uint32_t> histogram(size_t i) const {
    PF_CHECK(i < leaves_.size(), Index, "leaf ", i, " of ", leaves_.size());
    const GradientWatch& w = watch(i);
    return {std::begin(w.bins), std::end(w.bins)};
  }

  // Bytes kept per leaf.
  static size_t bytes_per_leaf() {
    return sizeof(GradientWatch) + (kSamples + 1) * sizeof(double) + 2 * sizeof(int64_t) + 1;
  }

 private:
  GradientWatch& watch(size_t i) const { return *meta_of(leaves_[i]).watch; }

  int64_t position(size_t i, int k) const {
    const int64_t n = leaves_[i].numel();
    return (n / kSamples * k + k + offsets_[i]) % n;
  }
  void take_sample(size_t i) {
    const Tensor& t = leaves_[i];
    if (t.numel() == 0 || !t.is_contiguous()) return;
    offsets_[i] = (offsets_[i] + 7919) % t.numel();
    for (int k = 0; k < kSamples; ++k) samples_[i * kSamples + k] = element(t, position(i, k));
  }
  double update_ratio(size_t i) {
    const Tensor& t = leaves_[i];
    if (t.numel() == 0 || !t.is_contiguous()) return std::nan("");
    double moved = 0, size = 0;
    for (int k = 0; k < kSamples; ++k) {
      double before = samples_[i * kSamples + k], after = element(t, position(i, k));
      moved += (after - before) * (after - before);
      size += before * before;
    }
    return size > 0 ? std::sqrt(moved / size) : std::nan("");
  }

  std::vector<Tensor> leaves_;
  std::vector<uint64_t> seen_;
  std::vector<double> samples_;
  std::vector<int64_t> offsets_;
  std::vector<uint8_t> steps_;
  std::vector<double> ratios_;
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

PyObject* observer = nullptr;

void call_observer(const std::vector<Tensor>& roots, bool done) {
  py::object call = py::reinterpret_borrow<py::object>(observer);
  try {
    call(roots, done);
  } catch (py::error_already_set& e) {
    e.restore();
    throw PythonError();
  }
}

void set_observer(const py::object& call) {
  Py_XDECREF(observer);
  observer = call.is_none() ? nullptr : Py_NewRef(call.ptr());
  engine_hooks.observe = observer ? call_observer : nullptr;
}

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
      .def("stepped", &GradientWatches::stepped)
      .def("histogram", &GradientWatches::histogram)
      .def_static("bytes_per_leaf", &GradientWatches::bytes_per_leaf);
  py::class_<ActivationWatch>(m, "_ActivationWatch")
      .def(py::init<double, double, bool>())
      .def("observe", &ActivationWatch::observe)
      .def("read", &ActivationWatch::read)
      .def("reset", &ActivationWatch::reset);
  m.def("_set_backward_observer", set_observer);
  m.def("_graph_leaves", graph_leaves);
}

}  // namespace
}  // namespace pyforge::python
