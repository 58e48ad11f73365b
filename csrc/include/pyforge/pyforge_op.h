/* The C ABI between pyforge and a library of custom ops.
 *
 * A library includes this header and nothing else of pyforge, links to nothing, and exports two
 * symbols: the data `pyforge_op_library` and the function `pyforge_op_load`. pyforge hands the
 * function a table of its own functions. Every struct begins with its size; members are only ever
 * added at the end, which raises PF_ABI_MINOR. Whatever else changes raises PF_ABI_MAJOR. A library
 * works with every pyforge of the same major and the same or a later minor number.
 *
 * No C++ type and no exception crosses: functions return PF_OK or PF_FAILED, after set_error().
 * Everything is called with the GIL held, on the thread that called the op, except the bodies of
 * parallel loops, which must touch raw memory alone. */
#ifndef PYFORGE_OP_ABI_H
#define PYFORGE_OP_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PF_ABI_MAJOR 1
#define PF_ABI_MINOR 0

enum { PF_OK = 0, PF_FAILED = 1 };

typedef enum pf_dtype {
  PF_BOOL = 0,
  PF_UINT8 = 1,
  PF_INT8 = 2,
  PF_INT16 = 3,
  PF_INT32 = 4,
  PF_INT64 = 5,
  PF_FLOAT32 = 6,
  PF_FLOAT64 = 7,
  PF_FLOAT16 = 8, /* storage: two bytes, computed with as float32 */
  PF_BFLOAT16 = 9
} pf_dtype;

/* The Python exception an error becomes. */
typedef enum pf_error {
  PF_RUNTIME_ERROR = 0,
  PF_TYPE_ERROR = 1,
  PF_VALUE_ERROR = 2,
  PF_INDEX_ERROR = 3,
  PF_NOT_IMPLEMENTED_ERROR = 4,
  PF_MEMORY_ERROR = 5
} pf_error;

/* A counted reference to a tensor. Arguments are borrowed; what a function returns is owned. */
typedef struct pf_tensor_s* pf_tensor;
typedef struct pf_context_s* pf_context; /* one call of forward or backward */
typedef struct pf_library_s* pf_library;
typedef const struct pf_op_s* pf_op; /* a registered op, valid while it is registered */

/* What a kernel needs to know about a tensor. Strides count elements; valid as long as the tensor.
 */
typedef struct pf_view {
  uint32_t size;
  int32_t dtype;
  int32_t ndim;
  int32_t contiguous;
  int64_t numel;
  void* data;
  const int64_t* sizes;
  const int64_t* strides;
} pf_view;

typedef enum pf_kind {
  PF_NONE = 0,
  PF_TENSOR = 1,
  PF_TENSORS = 2,
  PF_NUMBER_INT = 3, /* int and bool */
  PF_NUMBER_FLOAT = 4,
  PF_INTS = 5, /* int[] and bool[] */
  PF_FLOATS = 6,
  PF_STRING = 7, /* UTF-8, `count` bytes */
  PF_DTYPE = 8
} pf_kind;

/* An argument, or a result that is not a tensor. Lists are borrowed from the caller. */
typedef struct pf_value {
  int32_t kind;
  int32_t is_bool; /* of PF_NUMBER_INT */
  int64_t count;   /* of lists and strings */
  union {
    pf_tensor tensor;
    const pf_tensor* tensors;
    int64_t i;
    double f;
    const int64_t* ints;
    const double* floats;
    const char* string;
  } as;
} pf_value;

typedef void (*pf_range_fn)(void* state, int64_t first, int64_t last);

struct pf_op_def;
struct pf_elementwise_def;

typedef struct pf_host {
  uint32_t size;
  uint16_t abi_major, abi_minor;
  const char* instruction_set; /* "v2", "v3", "v4" or "generic" */

  /* Errors. `error_text` is the message of what failed last on this thread. */
  void (*set_error)(int32_t kind, const char* message);
  const char* (*error_text)(void);

  /* Tensors. */
  void (*retain)(pf_tensor t);
  void (*release)(pf_tensor t);
  void (*view)(pf_tensor t, pf_view* out);
  pf_tensor (*empty)(pf_context c, const int64_t* sizes, int32_t ndim, int32_t dtype);
  /* Memory that the library owns, row-major; release(owner) runs when the last tensor lets go. */
  pf_tensor (*from_memory)(void* data, const int64_t* sizes, int32_t ndim, int32_t dtype,
                           void (*release)(void* owner), void* owner);
  int32_t (*requires_grad)(pf_tensor t);

  /* Ops by name. `find_op` is null if there is none. Arguments fill the parameters in the order of
   * the schema, keyword-only ones included; defaults stand for those that are left out. Returns the
   * number of results, or -1; results are owned. */
  pf_op (*find_op)(const char* name);
  int32_t (*call)(pf_op op, const pf_value* args, int32_t n_args, pf_value* results,
                  int32_t capacity);

  /* Splits [0, n) into ranges of at least `grain`; body must not throw. Other Python threads run
   * meanwhile. */
  int32_t (*parallel_for)(int64_t n, int64_t grain, pf_range_fn body, void* state);

  /* A call of forward. */
  void (*set_output)(pf_context c, int32_t index, pf_tensor t); /* borrows */
  void (*save)(pf_context c, pf_tensor t); /* borrows; null keeps an empty place */
  int32_t (*records)(pf_context c);        /* whether a backward pass may come */
  void (*mark_non_differentiable)(pf_context c, int32_t output);

  /* A call of backward. `needs`: parameter, and element where it is a list. */
  pf_tensor (*grad)(pf_context c, int32_t output);               /* owned; null: none arrived */
  int32_t (*saved)(pf_context c, int32_t index, pf_tensor* out); /* owned; null: saved empty */
  int32_t (*n_saved)(pf_context c);
  int32_t (*needs)(pf_context c, int32_t parameter, int32_t element);
  void (*set_grad)(pf_context c, int32_t parameter, int32_t element, pf_tensor t); /* borrows */
  int32_t (*create_graph)(pf_context c); /* whether this pass is itself recorded */
  /* Shape and dtype of a tensor argument of forward that needs a gradient; no data. */
  int32_t (*input_shape)(pf_context c, int32_t parameter, int32_t element, pf_view* out);

  /* Both: arguments by position or name; tensors are not kept for backward. */
  const pf_value* (*argument)(pf_context c, int32_t parameter);
  int32_t (*parameter_index)(pf_context c, const char* name);

  int32_t (*register_op)(pf_library lib, const struct pf_op_def* def);
  int32_t (*register_elementwise)(pf_library lib, const struct pf_elementwise_def* def);
} pf_host;

typedef int32_t (*pf_forward_fn)(void* user, pf_context c, const pf_value* args, int32_t n_args);
typedef int32_t (*pf_backward_fn)(void* user, pf_context c);

/* The shape rule of one output: checked against what forward made. */
typedef struct pf_shape {
  int32_t dtype;
  int32_t ndim;
  int64_t sizes[64];
} pf_shape;
typedef int32_t (*pf_shape_fn)(void* user, const pf_value* args, int32_t n_args, pf_shape* outputs,
                               int32_t n_outputs);

enum {
  PF_ONCE_DIFFERENTIABLE = 1 /* backward is not recorded: create_graph is an error */
};

/* schema: "name(Tensor x, Tensor? mask=None, *, float eps=1e-5) -> (Tensor y, Tensor rest)". Types:
 * Tensor, Tensor(a!) for one that is changed in place, Tensor[], int, float, bool, str, dtype,
 * int[], float[], bool[]; a ? lets None in. `types` may be null, else one pf_type per parameter
 * that the function expects, compared with the schema. */
typedef struct pf_op_def {
  uint32_t size;
  uint32_t flags;
  const char* schema;
  const char* doc;
  pf_forward_fn forward;
  pf_backward_fn backward; /* null: no derivative */
  pf_shape_fn shape;       /* null: not checked */
  void* user;
  const char* types; /* "Tensor;float;int[]?": what the function takes, or null */
} pf_op_def;

typedef struct pf_attr {
  double f;
  int64_t i;
} pf_attr;

/* out[0..n) from in[k][0..n), all contiguous; out may be one of the inputs. */
typedef void (*pf_loop_fn)(void* out, const void* const* in, int64_t n, const pf_attr* attrs);

enum { PF_MAX_OPERANDS = 3 };
enum { PF_USES_GRAD = 1, PF_USES_OPERAND = 2 /* << operand */, PF_USES_RESULT = 16 };

/* Of a derivative that runs on recorded tensors: for each operand a tensor or a number. */
typedef struct pf_recorded {
  uint32_t size;
  int32_t dtype;
  pf_tensor grad, result;
  pf_value operands[PF_MAX_OPERANDS];
  double attrs[2];
} pf_recorded;

/* Kernels for float32 [0] and float64 [1]. backward[operand]: in[] = {grad, operands..., result},
 * null where `uses` says that it is not read. */
typedef struct pf_elementwise_def {
  uint32_t size;
  int32_t n_operands, n_attrs;
  const char* schema;
  const char* doc;
  pf_loop_fn forward[2];
  pf_loop_fn backward[PF_MAX_OPERANDS][2]; /* null: no derivative */
  uint8_t uses[PF_MAX_OPERANDS];
  /* The same derivative in public ops, for higher orders; the result is owned. */
  pf_tensor (*recorded)(int32_t operand, const pf_recorded* args);
} pf_elementwise_def;

/* What the library exports. */
typedef struct pf_library_info {
  uint32_t size;
  uint16_t abi_major, abi_minor; /* of this header */
  const char* instruction_set;   /* it was compiled for; null: runs anywhere */
} pf_library_info;

/* const pf_library_info pyforge_op_library;
 * int32_t pyforge_op_load(const pf_host* host, pf_library lib); */
typedef int32_t (*pf_load_fn)(const pf_host* host, pf_library lib);

#ifdef __cplusplus
}
#endif
#endif
