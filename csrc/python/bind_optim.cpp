// One call per optimiser step: reads gradients, settings and the per-parameter state dictionaries,
// all of which may have changed since the last step, checks everything, then updates.
#include <cmath>

#include "autograd/grad_mode.h"
#include "autograd/inplace.h"
#include "autograd/meta.h"
#include "autograd/profile.h"
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

// Calls prepare(update, param object) for each parameter with a gradient.
template <class U = Update, class Prepare>
std::vector<U> collect(const char* op, PyObject* params, Prepare&& prepare) {
  PF_CHECK(PyList_Check(params), Type, op, ": params must be a list, not ", type_name(params));
  GradModeGuard unrecorded(false);
  std::vector<U> updates;
  updates.reserve(PyList_GET_SIZE(params));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
    PyObject* param = PyList_GET_ITEM(params, i);
    Tensor grad = gradient(op, param);
    if (!grad.defined()) continue;
    U update;
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

// (params, state, lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled, maximize)
PyObject* nadam_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const mu_product = interned("mu_product");
    static PyObject* const exp_avg = interned("exp_avg");
    static PyObject* const exp_avg_sq = interned("exp_avg_sq");
    PF_CHECK(nargs == 10, Type, "_nadam_step() takes 10 arguments, ", nargs, " were given");
    const char* op = "NAdam";
    struct Nesterov : Update {
      NumberState product;
    };
    kernels::NadamArgs settings{};
    settings.lr = number(op, "lr", args[2]);
    settings.beta1 = number(op, "beta1", args[3]);
    settings.beta2 = number(op, "beta2", args[4]);
    settings.eps = number(op, "eps", args[5]);
    settings.weight_decay = number(op, "weight_decay", args[6]);
    double momentum_decay = number(op, "momentum_decay", args[7]);
    settings.decoupled = flag(args[8]);
    settings.maximize = flag(args[9]);
    auto updates = collect<Nesterov>(op, args[0], [&](Nesterov& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.product.read(op, entry, mu_product, 1);
      update.first = state_tensor(op, entry, exp_avg, update.param);
      update.second = state_tensor(op, entry, exp_avg_sq, update.param);
    });
    auto mu_at = [&](double step) {
      return settings.beta1 * (1 - 0.5 * std::pow(0.96, step * momentum_decay));
    };
    for (Nesterov& update : updates) {
      write_step(update);
      double mu = mu_at(update.steps), mu_next = mu_at(update.steps + 1);
      update.product.multiply(mu);
      double product = update.product.value;
      settings.bias_correction2 = 1 - std::pow(settings.beta2, update.steps);
      settings.grad_rate = settings.lr * (1 - mu) / (1 - product);
      settings.mean_rate = settings.lr * mu_next / (1 - product * mu_next);
      ops::nadam_update(update.param, update.grad, update.first, update.second, settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, beta1, beta2, eps, weight_decay, decoupled, maximize)
PyObject* radam_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const exp_avg = interned("exp_avg");
    static PyObject* const exp_avg_sq = interned("exp_avg_sq");
    PF_CHECK(nargs == 9, Type, "_radam_step() takes 9 arguments, ", nargs, " were given");
    const char* op = "RAdam";
    kernels::RadamArgs settings{};
    settings.lr = number(op, "lr", args[2]);
    settings.beta1 = number(op, "beta1", args[3]);
    settings.beta2 = number(op, "beta2", args[4]);
    settings.eps = number(op, "eps", args[5]);
    settings.weight_decay = number(op, "weight_decay", args[6]);
    settings.decoupled = flag(args[7]);
    settings.maximize = flag(args[8]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, exp_avg, update.param);
      update.second = state_tensor(op, entry, exp_avg_sq, update.param);
    });
    // Length of the simple moving average that the mean square amounts to, and its limit.
    double limit = 2 / (1 - settings.beta2) - 1;
    for (const Update& update : updates) {
      write_step(update);
      double kept = std::pow(settings.beta2, update.steps);
      settings.bias_correction1 = 1 - std::pow(settings.beta1, update.steps);
      settings.bias_correction2 = 1 - kept;
      double length = limit - 2 * update.steps * kept / settings.bias_correction2;
      settings.rectification = 0;
      if (length > 5)
        settings.rectification =
            std::sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length));
      ops::radam_update(update.param, update.grad, update.first, update.second, settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, beta1, beta2, eps, weight_decay, maximize)
PyObject* adamax_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const exp_avg = interned("exp_avg");
    static PyObject* const exp_inf = interned("exp_inf");
    PF_CHECK(nargs == 8, Type, "_adamax_step() takes 8 arguments, ", nargs, " were given");
    const char* op = "Adamax";
    double lr = number(op, "lr", args[2]);
    kernels::AdamaxArgs settings{};
    settings.beta1 = number(op, "beta1", args[3]);
    settings.beta2 = number(op, "beta2", args[4]);
    settings.eps = number(op, "eps", args[5]);
    settings.weight_decay = number(op, "weight_decay", args[6]);
    settings.maximize = flag(args[7]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, exp_avg, update.param);
      update.second = state_tensor(op, entry, exp_inf, update.param);
    });
    for (const Update& update : updates) {
      write_step(update);
      settings.lr = lr / (1 - std::pow(settings.beta1, update.steps));
      ops::adamax_update(update.param, update.grad, update.first, update.second, settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, rho, eps, weight_decay, maximize)
PyObject* adadelta_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const square_avg = interned("square_avg");
    static PyObject* const acc_delta = interned("acc_delta");
    PF_CHECK(nargs == 7, Type, "_adadelta_step() takes 7 arguments, ", nargs, " were given");
    const char* op = "Adadelta";
    kernels::AdadeltaArgs settings{};
    settings.lr = number(op, "lr", args[2]);
    settings.rho = number(op, "rho", args[3]);
    settings.eps = number(op, "eps", args[4]);
    settings.weight_decay = number(op, "weight_decay", args[5]);
    settings.maximize = flag(args[6]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, square_avg, update.param);
      update.second = state_tensor(op, entry, acc_delta, update.param);
    });
    for (const Update& update : updates) {
      write_step(update);
      ops::adadelta_update(update.param, update.grad, update.first, update.second, settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, eta_minus, eta_plus, step_min, step_max, maximize)
PyObject* rprop_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const prev = interned("prev");
    static PyObject* const step_size = interned("step_size");
    PF_CHECK(nargs == 8, Type, "_rprop_step() takes 8 arguments, ", nargs, " were given");
    const char* op = "Rprop";
    double lr = number(op, "lr", args[2]);
    kernels::RpropArgs settings{};
    settings.eta_minus = number(op, "etas[0]", args[3]);
    settings.eta_plus = number(op, "etas[1]", args[4]);
    settings.step_min = number(op, "step_sizes[0]", args[5]);
    settings.step_max = number(op, "step_sizes[1]", args[6]);
    settings.maximize = flag(args[7]);
    auto updates = collect(op, args[0], [&](Update& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.first = state_tensor(op, entry, prev, update.param);
      update.second = state_tensor(op, entry, step_size, update.param, &update.fresh);
      if (update.fresh) ops::fill_data(update.second, Scalar(lr));
    });
    for (const Update& update : updates) {
      write_step(update);
      ops::rprop_update(update.param, update.grad, update.first, update.second, settings);
    }
    Py_RETURN_NONE;
  });
}

// (params, state, lr, lambd, alpha, t0, weight_decay, maximize)
PyObject* asgd_step(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    static PyObject* const eta = interned("eta");
    static PyObject* const mu = interned("mu");
    static PyObject* const ax = interned("ax");
    PF_CHECK(nargs == 8, Type, "_asgd_step() takes 8 arguments, ", nargs, " were given");
    const char* op = "ASGD";
    struct Averaged : Update {
      NumberState eta, mu;
    };
    double lr = number(op, "lr", args[2]), alpha = number(op, "alpha", args[4]),
           start = number(op, "t0", args[5]);
    kernels::AsgdArgs settings{};
    settings.decay = number(op, "lambd", args[3]);
    settings.weight_decay = number(op, "weight_decay", args[6]);
    settings.maximize = flag(args[7]);
    auto updates = collect<Averaged>(op, args[0], [&](Averaged& update, PyObject* param) {
      PyObject* entry = state_of(op, args[1], param);
      count_step(op, entry, update);
      update.eta.read(op, entry, eta, lr);
      update.mu.read(op, entry, mu, 1);
      update.first = state_tensor(op, entry, ax, update.param);
    });
    for (Averaged& update : updates) {
      write_step(update);
      settings.lr = update.eta.value;
      settings.share = update.mu.value;
      ops::asgd_update(update.param, update.grad, update.first, settings);
      update.eta.write(lr / std::pow(1 + settings.decay * lr * update.steps, alpha));
      update.mu.write(1 / std::fmax(1, update.steps - start));
    }
    Py_RETURN_NONE;
  });
}

using FastCall = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
template <FastCall function>
PyMethodDef method(const char* name) {
  static const char* event;
  event = name + 1;
  FastCall call = [](PyObject* self, PyObject* const* args, Py_ssize_t n) {
    profile::Scope scope(event);
    return function(self, args, n);
  };
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(call)), METH_FASTCALL,
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
