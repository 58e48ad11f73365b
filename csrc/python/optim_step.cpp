// One call per optimiser step: reads gradients, settings and the per-parameter state dictionaries,
// all of which may have changed since the last step, checks everything, then updates.
#include <cmath>
#include <initializer_list>

#include "autograd/grad_mode.h"
#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "autograd/profile.h"
#include "kernels/dispatch.h"
#include "ops/basic.h"
#include "ops/optim.h"
#include "python/bind.h"
#include "python/object.h"

namespace pyforge::python {
namespace {

constexpr int kKept = 3;

struct Update {
  Tensor param, grad;
  Tensor kept[kKept];
  Tensor step;
  double steps = 0;
  bool fresh = false;  // the last of `kept` was made in this step
};

PyObject* interned(const char* text) { return PyUnicode_InternFromString(text); }

double number(const char* op, const char* name, PyObject* o) {
  double value = PyFloat_AsDouble(o);
  if (value == -1.0 && PyErr_Occurred()) {
    PyErr_Clear();
    raise(ErrorKind::Type, op, ": setting '", name, "' must be a number, not ", type_name(o));
  }
  return value;
}

bool flag(PyObject* o) {
  int value = PyObject_IsTrue(o);
  if (value < 0) throw PythonError();
  return value;
}

// Borrowed reference to state[param]; made by the defaultdict if missing.
PyObject* state_of(const char* op, PyObject* state, PyObject* param) {
  PF_CHECK(PyDict_Check(state), Type, op, ": state must be a dict, not ", type_name(state));
  PyObject* entry = PyDict_GetItemWithError(state, param);
  if (!entry) {
    if (PyErr_Occurred()) throw PythonError();
    entry = PyObject_GetItem(state, param);
    if (!entry) throw PythonError();
    Py_DECREF(entry);
  }
  PF_CHECK(PyDict_Check(entry), Type, op, ": the state of a parameter must be a dict, not ",
           type_name(entry));
  return entry;
}

PyObject* lookup(PyObject* entry, PyObject* key) {
  PyObject* found = PyDict_GetItemWithError(entry, key);
  if (!found && PyErr_Occurred()) throw PythonError();
  return found;
}

void store(PyObject* entry, PyObject* key, const Tensor& t) {
  PyObject* o = wrap(t);
  int failed = o ? PyDict_SetItem(entry, key, o) : -1;
  Py_XDECREF(o);
  if (failed < 0) throw PythonError();
}

// The tensor entry[key], shaped like the parameter; zeros if there is none or None.
Tensor state_tensor(const char* op, PyObject* entry, PyObject* key, const Tensor& param,
                    bool* fresh = nullptr) {
  PyObject* found = lookup(entry, key);
  if (!found || found == Py_None) {
    Tensor made = ops::zeros_like(param);
    store(entry, key, made);
    if (fresh) *fresh = true;
    return made;
  }
  const char* name = PyUnicode_AsUTF8(key);
  PF_CHECK(is_tensor(found), Type, op, ": state '", name, "' must be a Tensor, not ",
           type_name(found));
  const Tensor& t = tensor_of(found);
  PF_CHECK(t.sizes() == param.sizes() && t.dtype() == param.dtype(), Runtime, op, ": state '", name,
           "' is ", dtype_name(t.dtype()), " of shape ", to_string(t.sizes()),
           ", the parameter is ", dtype_name(param.dtype()), " of shape ",
           to_string(param.sizes()));
  check_inplace(op, t, false);
  return t;
}

void count_step(const char* op, PyObject* entry, Update& update) {
  static PyObject* const key = interned("step");
  PyObject* found = lookup(entry, key);
  if (found) {
    PF_CHECK(is_tensor(found), Type, op, ": state 'step' must be a Tensor, not ", type_name(found));
    update.step = tensor_of(found);
    check_inplace(op, update.step, false);
  } else {
    update.step = ops::zeros({}, DType::Float32);
    store(entry, key, update.step);
  }
  bool usual = update.step.dtype() == DType::Float32 && update.step.numel() == 1;
  update.steps = 1 + (usual ? *update.step.data<float>() : ops::item(update.step).to_double());
}

void write_number(const Tensor& t, double value) {
  if (t.dtype() == DType::Float32)
    *t.data<float>() = static_cast<float>(value);
  else
    ops::fill_data(t, Scalar(value));
  ++t->storage->version;
}

void write_step(const Update& update) { write_number(update.step, update.steps); }

// The number kept in the 0-d tensor entry[key]; `initial` if there is none.
struct NumberState {
  Tensor tensor;
  double value = 0;

  void read(const char* op, PyObject* entry, PyObject* key, double initial) {
    PyObject* found = lookup(entry, key);
    if (found) {
      PF_CHECK(is_tensor(found) && tensor_of(found).numel() == 1, Type, op, ": state '",
               PyUnicode_AsUTF8(key), "' must be a Tensor of one element");
      tensor = tensor_of(found);
      check_inplace(op, tensor, false);
    } else {
      tensor = ops::zeros({}, DType::Float32);
      write_number(tensor, initial);
      store(entry, key, tensor);
    }
    value = ops::item(tensor).to_double();
  }
  void write(double now) { write_number(tensor, now); }
  // Times `factor`, in the tensor's own precision.
  void multiply(double factor) {
    bool single = tensor.dtype() == DType::Float32;
    value = single ? static_cast<float>(value) * static_cast<float>(factor) : value * factor;
    write(value);
  }
};

// The parameter's gradient; undefined if there is none.
Tensor gradient(const char* op, PyObject* param) {
  PF_CHECK(is_tensor(param), Type, op, ": parameters must be Tensors, not ", type_name(param));
  const Tensor& t = tensor_of(param);
  if (!t->meta || !t->meta->grad.defined()) return {};
  PF_CHECK(is_floating(t.dtype()), Runtime, op, ": parameters must be floating point, not ",
           dtype_name(t.dtype()));
  check_inplace(op, t, false);
  const Tensor& grad = t->meta->grad;
  PF_CHECK(grad.sizes() == t.sizes(), Runtime, op, ": gradient of shape ", to_string(grad.sizes()),
           " for a parameter of shape ", to_string(t.sizes()));
  return grad.dtype() == t.dtype() ? grad : ops::to(alias(grad), t.dtype());
}

// The keys of what an optimiser keeps of a parameter besides its step, in the order of the state
// dictionary.
struct Keys {
  int count = 0;
  PyObject* names[kKept] = {};
  Keys(std::initializer_list<const char*> texts) {
    for (const char* text : texts) names[count++] = interned(text);
  }
};

// The arguments of one call: params, state, and the settings in order.
class Call {
 public:
  Call(const char* op, PyObject* const* args, Py_ssize_t nargs)
      : op(op), args_(args), nargs_(nargs) {}

  Call& operator()(const char* name, double& value) {
    value = number(op, name, next());
    return *this;
  }
  Call& operator()(const char*, bool& value) {
    value = flag(next());
    return *this;
  }

  Call& grad_scale(double& scale) {
    bool ascends;
    (*this)("maximize", ascends)("grad_scale", scale);
    if (ascends) scale = -scale;
    return *this;
  }

  // One update for each parameter with a gradient. keep[k]: whether keys.names[k] is kept in this
  // configuration; more(update, entry) reads what else there is.
  template <class U = Update, class More>
  std::vector<U> collect(const Keys& keys, std::initializer_list<bool> keep, More&& more) {
    PF_CHECK(at_ == nargs_, Type, op, ": a step takes ", at_, " arguments, ", nargs_,
             " were given");
    PyObject *params = args_[0], *state = args_[1];
    PF_CHECK(PyList_Check(params), Type, op, ": params must be a list, not ", type_name(params));
    GradModeGuard unrecorded(false);
    std::vector<U> updates;
    updates.reserve(PyList_GET_SIZE(params));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
      PyObject* param = PyList_GET_ITEM(params, i);
      Tensor grad = gradient(op, param);
      if (!grad.defined()) continue;
      U& update = updates.emplace_back();
      update.param = tensor_of(param);
      update.grad = std::move(grad);
      PyObject* entry = nullptr;
      if (counts_steps) {
        entry = state_of(op, state, param);
        count_step(op, entry, update);
      }
      more(update, entry);
      for (int k = 0; k < keys.count; ++k) {
        if (!keep.begin()[k]) continue;
        if (!entry) entry = state_of(op, state, param);
        update.fresh = false;
        update.kept[k] = state_tensor(op, entry, keys.names[k], update.param, &update.fresh);
      }
    }
    return updates;
  }
  std::vector<Update> collect(const Keys& keys, std::initializer_list<bool> keep) {
    return collect(keys, keep, [](Update&, PyObject*) {});
  }

  const char* op;
  bool counts_steps = true;

 private:
  PyObject* next() {
    PF_CHECK(at_ < nargs_, Type, op, ": a step takes more than ", nargs_, " arguments");
    return args_[at_++];
  }

  PyObject* const* args_;
  Py_ssize_t nargs_, at_ = 2;
};

const kernels::OptimTable& table() { return kernels::active().optim; }

void sgd_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"momentum_buffer"};
  Call call("SGD", args, nargs);
  kernels::SgdArgs s{};
  call("lr", s.lr)("momentum", s.momentum)("dampening", s.dampening)(
      "weight_decay", s.weight_decay)("nesterov", s.nesterov)
      .grad_scale(s.grad_scale);
  call.counts_steps = false;
  for (const Update& u : call.collect(keys, {s.momentum != 0})) {
    s.first = u.fresh;
    ops::optimiser_update(table().sgd, u.param, u.grad, s, u.kept[0]);
  }
}

void adam_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  Call call("Adam", args, nargs);
  kernels::AdamArgs s{};
  call("lr", s.lr)("beta1", s.beta1)("beta2", s.beta2)("eps", s.eps)(
      "weight_decay", s.weight_decay)("decoupled", s.decoupled)("amsgrad", s.amsgrad)
      .grad_scale(s.grad_scale);
  double corrected_for = 0;
  for (const Update& u : call.collect(keys, {true, true, s.amsgrad})) {
    write_step(u);
    if (u.steps != corrected_for) {
      corrected_for = u.steps;
      s.bias_correction1 = 1 - std::pow(s.beta1, u.steps);
      s.bias_correction2 = 1 - std::pow(s.beta2, u.steps);
    }
    ops::optimiser_update(table().adam, u.param, u.grad, s, u.kept[0], u.kept[1], u.kept[2]);
  }
}

void rmsprop_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"square_avg", "momentum_buffer", "grad_avg"};
  Call call("RMSprop", args, nargs);
  kernels::RmspropArgs s{};
  call("lr", s.lr)("alpha", s.alpha)("eps", s.eps)("weight_decay", s.weight_decay)(
      "momentum", s.momentum)("centered", s.centered)
      .grad_scale(s.grad_scale);
  for (const Update& u : call.collect(keys, {true, s.momentum > 0, s.centered})) {
    write_step(u);
    ops::optimiser_update(table().rmsprop, u.param, u.grad, s, u.kept[0], u.kept[2], u.kept[1]);
  }
}

void adagrad_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"sum"};
  Call call("Adagrad", args, nargs);
  kernels::AdagradArgs s{};
  double lr, lr_decay;
  call("lr", lr)("lr_decay", lr_decay)("eps", s.eps)("weight_decay", s.weight_decay)
      .grad_scale(s.grad_scale);
  for (const Update& u : call.collect(keys, {true})) {
    write_step(u);
    s.lr = lr / (1 + (u.steps - 1) * lr_decay);
    ops::optimiser_update(table().adagrad, u.param, u.grad, s, u.kept[0]);
  }
}

void nadam_step(PyObject* const* args, Py_ssize_t nargs) {
  static PyObject* const mu_product = interned("mu_product");
  static const Keys keys{"exp_avg", "exp_avg_sq"};
  struct Nesterov : Update {
    NumberState product;
  };
  Call call("NAdam", args, nargs);
  kernels::NadamArgs s{};
  double momentum_decay;
  call("lr", s.lr)("beta1", s.beta1)("beta2", s.beta2)("eps", s.eps)(
      "weight_decay", s.weight_decay)("momentum_decay", momentum_decay)("decoupled", s.decoupled)
      .grad_scale(s.grad_scale);
  auto updates = call.collect<Nesterov>(keys, {true, true}, [&](Nesterov& update, PyObject* entry) {
    update.product.read(call.op, entry, mu_product, 1);
  });
  auto mu_at = [&](double step) {
    return s.beta1 * (1 - 0.5 * std::pow(0.96, step * momentum_decay));
  };
  for (Nesterov& u : updates) {
    write_step(u);
    double mu = mu_at(u.steps), mu_next = mu_at(u.steps + 1);
    u.product.multiply(mu);
    double product = u.product.value;
    s.bias_correction2 = 1 - std::pow(s.beta2, u.steps);
    s.grad_rate = s.lr * (1 - mu) / (1 - product);
    s.mean_rate = s.lr * mu_next / (1 - product * mu_next);
    ops::optimiser_update(table().nadam, u.param, u.grad, s, u.kept[0], u.kept[1]);
  }
}

void radam_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"exp_avg", "exp_avg_sq"};
  Call call("RAdam", args, nargs);
  kernels::RadamArgs s{};
  call("lr", s.lr)("beta1", s.beta1)("beta2", s.beta2)("eps", s.eps)(
      "weight_decay", s.weight_decay)("decoupled", s.decoupled)
      .grad_scale(s.grad_scale);
  // Length of the simple moving average that the mean square amounts to, and its limit.
  double limit = 2 / (1 - s.beta2) - 1;
  for (const Update& u : call.collect(keys, {true, true})) {
    write_step(u);
    double kept = std::pow(s.beta2, u.steps);
    s.bias_correction1 = 1 - std::pow(s.beta1, u.steps);
    s.bias_correction2 = 1 - kept;
    double length = limit - 2 * u.steps * kept / s.bias_correction2;
    s.rectification = 0;
    if (length > 5)
      s.rectification =
          std::sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length));
    ops::optimiser_update(table().radam, u.param, u.grad, s, u.kept[0], u.kept[1]);
  }
}

void adamax_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"exp_avg", "exp_inf"};
  Call call("Adamax", args, nargs);
  kernels::AdamaxArgs s{};
  double lr;
  call("lr", lr)("beta1", s.beta1)("beta2", s.beta2)("eps", s.eps)("weight_decay", s.weight_decay)
      .grad_scale(s.grad_scale);
  for (const Update& u : call.collect(keys, {true, true})) {
    write_step(u);
    s.lr = lr / (1 - std::pow(s.beta1, u.steps));
    ops::optimiser_update(table().adamax, u.param, u.grad, s, u.kept[0], u.kept[1]);
  }
}

void adadelta_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"square_avg", "acc_delta"};
  Call call("Adadelta", args, nargs);
  kernels::AdadeltaArgs s{};
  call("lr", s.lr)("rho", s.rho)("eps", s.eps)("weight_decay", s.weight_decay)
      .grad_scale(s.grad_scale);
  for (const Update& u : call.collect(keys, {true, true})) {
    write_step(u);
    ops::optimiser_update(table().adadelta, u.param, u.grad, s, u.kept[0], u.kept[1]);
  }
}

void rprop_step(PyObject* const* args, Py_ssize_t nargs) {
  static const Keys keys{"prev", "step_size"};
  Call call("Rprop", args, nargs);
  kernels::RpropArgs s{};
  double lr;
  call("lr", lr)("etas[0]", s.eta_minus)("etas[1]", s.eta_plus)("step_sizes[0]", s.step_min)(
      "step_sizes[1]", s.step_max)
      .grad_scale(s.grad_scale);
  for (const Update& u : call.collect(keys, {true, true})) {
    if (u.fresh) ops::fill_data(u.kept[1], Scalar(lr));
    write_step(u);
    ops::optimiser_update(table().rprop, u.param, u.grad, s, u.kept[0], u.kept[1]);
  }
}

void asgd_step(PyObject* const* args, Py_ssize_t nargs) {
  static PyObject *const eta = interned("eta"), *const mu = interned("mu");
  static const Keys keys{"ax"};
  struct Averaged : Update {
    NumberState eta, mu;
  };
  Call call("ASGD", args, nargs);
  kernels::AsgdArgs s{};
  double lr, alpha, start;
  call("lr", lr)("lambd", s.decay)("alpha", alpha)("t0", start)("weight_decay", s.weight_decay)
      .grad_scale(s.grad_scale);
  auto updates = call.collect<Averaged>(keys, {true}, [&](Averaged& update, PyObject* entry) {
    update.eta.read(call.op, entry, eta, lr);
    update.mu.read(call.op, entry, mu, 1);
  });
  for (Averaged& u : updates) {
    write_step(u);
    s.lr = u.eta.value;
    s.share = u.mu.value;
    ops::optimiser_update(table().asgd, u.param, u.grad, s, u.kept[0]);
    u.eta.write(lr / std::pow(1 + s.decay * lr * u.steps, alpha));
    u.mu.write(1 / std::fmax(1, u.steps - start));
  }
}

template <void (*step)(PyObject* const*, Py_ssize_t)>
PyMethodDef method(const char* name) {
  using FastCall = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
  static const char* event;
  event = name + 1;
  FastCall function = [](PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    profile::Scope scope(event);
    return guarded([&]() -> PyObject* {
      PF_CHECK(nargs >= 2, Type, "an optimiser step takes params, state and settings");
      step(args, nargs);
      Py_RETURN_NONE;
    });
  };
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function)), METH_FASTCALL,
          nullptr};
}
PyMethodDef methods[] = {
    method<sgd_step>("_sgd_step"),         method<adam_step>("_adam_step"),
    method<rmsprop_step>("_rmsprop_step"), method<adagrad_step>("_adagrad_step"),
    method<nadam_step>("_nadam_step"),     method<radam_step>("_radam_step"),
    method<adamax_step>("_adamax_step"),   method<adadelta_step>("_adadelta_step"),
    method<rprop_step>("_rprop_step"),     method<asgd_step>("_asgd_step"),
    {nullptr, nullptr, 0, nullptr},
};

PF_BIND {
  if (PyModule_AddFunctions(m.ptr(), methods) < 0) throw pybind11::error_already_set();
}

}  // namespace
}  // namespace pyforge::python
