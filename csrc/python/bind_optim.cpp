// One call per optimiser step: reads gradients, settings and the per-parameter state dictionaries,
// all of which may have changed since the last step, checks everything, then updates.
#include <cmath>

#include "autograd/grad_mode.h"
#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "ops/basic.h"
#include "ops/optim.h"
#include "python/bind.h"
#include "python/object.h"

namespace pyforge::python {
namespace {

struct Update {
  Tensor param, grad;
  Tensor first, second, third;  // what the optimiser keeps besides
  Tensor step;
  double steps = 0;
  bool fresh = false;
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

void write_step(const Update& update) {
  if (update.step.dtype() == DType::Float32)
    *update.step.data<float>() = static_cast<float>(update.steps);
  else
    ops::fill_data(update.step, Scalar(update.steps));
  ++update.step->storage->version;
}

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

// Calls prepare(update, param object) for each parameter with a gradient.
template <class Prepare>
std::vector<Update> collect(const char* op, PyObject* params, Prepare&& prepare) {
  PF_CHECK(PyList_Check(params), Type, op, ": params must be a list, not ", type_name(params));
  GradModeGuard unrecorded(false);
  std::vector<Update> updates;
  updates.reserve(PyList_GET_SIZE(params));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
    PyObject* param = PyList_GET_ITEM(params, i);
    Tensor grad = gradient(op, param);
    if (!grad.defined()) continue;
    Update update;
    update.param = tensor_of(param);
    update.grad = std::move(grad);
    prepare(update, param);
    updates.push_back(std::move(update));
  }
  return updates;
}

// (params, state, lr, momentum, dampening, weight_decay, nesterov, maximize)
PyObject* sgd_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const momentum_buffer = interned("momentum_buffer");
    PF_CHECK(nargs == 8, Type, "_sgd_step() takes 8 arguments, ", nargs, " were given");
    const char* op = "SGD";
    kernels::SgdArgs settings{};
    settings.lr = number(op, "lr", args[2]);
    settings.momentum = number(op, "momentum", args[3]);
    settings.dampening = number(op, "dampening", args[4]);
    settings.weight_decay = number(op, "weight_decay", args[5]);
    settings.nesterov = flag(args[6]);
    settings.maximize = flag(args[7]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      if (settings.momentum == 0) return;
      update.first = state_tensor(op, state_of(op, args[1], param), momentum_buffer, update.param,
                                  &update.fresh);
    });
    for (const Update& update : updates) {
      settings.first = update.fresh;
      ops::sgd_update(update.param, update.grad, update.first, settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, beta1, beta2, eps, weight_decay, decoupled, amsgrad, maximize)
PyObject* adam_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const exp_avg = interned("exp_avg");
    static PyObject* const exp_avg_sq = interned("exp_avg_sq");
    static PyObject* const max_exp_avg_sq = interned("max_exp_avg_sq");
    PF_CHECK(nargs == 10, Type, "_adam_step() takes 10 arguments, ", nargs, " were given");
    const char* op = "Adam";
    kernels::AdamArgs settings{};
    settings.lr = number(op, "lr", args[2]);
    settings.beta1 = number(op, "beta1", args[3]);
    settings.beta2 = number(op, "beta2", args[4]);
    settings.eps = number(op, "eps", args[5]);
    settings.weight_decay = number(op, "weight_decay", args[6]);
    settings.decoupled = flag(args[7]);
    settings.amsgrad = flag(args[8]);
    settings.maximize = flag(args[9]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, exp_avg, update.param);
      update.second = state_tensor(op, entry, exp_avg_sq, update.param);
      if (settings.amsgrad) update.third = state_tensor(op, entry, max_exp_avg_sq, update.param);
    });
    double corrected_for = 0;
    for (const Update& update : updates) {
      write_step(update);
      if (update.steps != corrected_for) {
        corrected_for = update.steps;
        settings.bias_correction1 = 1 - std::pow(settings.beta1, update.steps);
        settings.bias_correction2 = 1 - std::pow(settings.beta2, update.steps);
      }
      ops::adam_update(update.param, update.grad, update.first, update.second, update.third,
                       settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, alpha, eps, weight_decay, momentum, centered, maximize)
PyObject* rmsprop_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const square_avg = interned("square_avg");
    static PyObject* const momentum_buffer = interned("momentum_buffer");
    static PyObject* const grad_avg = interned("grad_avg");
    PF_CHECK(nargs == 9, Type, "_rmsprop_step() takes 9 arguments, ", nargs, " were given");
    const char* op = "RMSprop";
    kernels::RmspropArgs settings{};
    settings.lr = number(op, "lr", args[2]);
    settings.alpha = number(op, "alpha", args[3]);
    settings.eps = number(op, "eps", args[4]);
    settings.weight_decay = number(op, "weight_decay", args[5]);
    settings.momentum = number(op, "momentum", args[6]);
    settings.centered = flag(args[7]);
    settings.maximize = flag(args[8]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, square_avg, update.param);
      if (settings.momentum > 0)
        update.second = state_tensor(op, entry, momentum_buffer, update.param);
      if (settings.centered) update.third = state_tensor(op, entry, grad_avg, update.param);
    });
    for (const Update& update : updates) {
      write_step(update);
      ops::rmsprop_update(update.param, update.grad, update.first, update.third, update.second,
                          settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, lr_decay, eps, weight_decay, maximize)
PyObject* adagrad_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const sum = interned("sum");
    PF_CHECK(nargs == 7, Type, "_adagrad_step() takes 7 arguments, ", nargs, " were given");
    const char* op = "Adagrad";
    double lr = number(op, "lr", args[2]), lr_decay = number(op, "lr_decay", args[3]);
    kernels::AdagradArgs settings{};
    settings.eps = number(op, "eps", args[4]);
    settings.weight_decay = number(op, "weight_decay", args[5]);
    settings.maximize = flag(args[6]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, sum, update.param);
    });
    for (const Update& update : updates) {
      write_step(update);
      settings.lr = lr / (1 + (update.steps - 1) * lr_decay);
      ops::adagrad_update(update.param, update.grad, update.first, settings);
    }
    Py_RETURN_NONE;
  });
}

using FastCall = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
PyMethodDef method(const char* name, FastCall function) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function)), METH_FASTCALL,
          nullptr};
}
PyMethodDef methods[] = {
    method("_sgd_step", sgd_step),         method("_adam_step", adam_step),
    method("_rmsprop_step", rmsprop_step), method("_adagrad_step", adagrad_step),
    {nullptr, nullptr, 0, nullptr},
};

PF_BIND {
  if (PyModule_AddFunctions(m.ptr(), methods) < 0) throw pybind11::error_already_set();
}

}  // namespace
}  // namespace pyforge::python
