/* The user's current code object and instruction, read without making a frame object. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <frameobject.h>

#include "python/frame.h"

#if PY_VERSION_HEX >= 0x030B0000
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
#if PY_VERSION_HEX >= 0x030E0000
#include <internal/pycore_interpframe.h>
#else
#include <internal/pycore_frame.h>
#endif
#endif

static const char* package_dir;
static size_t package_dir_length;

/* Direct-mapped memory of file-name objects: is this file part of the package? */
#define CACHE 64
static PyObject* cache_name[CACHE];
static char cache_internal[CACHE];

static int is_internal(PyCodeObject* code) {
  PyObject* name = code->co_filename;
  size_t slot = ((size_t)name >> 5) % CACHE;
  if (cache_name[slot] != name) {
    Py_ssize_t length;
    const char* text = PyUnicode_AsUTF8AndSize(name, &length);
    if (!text) {
      PyErr_Clear();
      return 0;
    }
    Py_INCREF(name);
    Py_XDECREF(cache_name[slot]);
    cache_name[slot] = name;
    cache_internal[slot] = package_dir && (size_t)length > package_dir_length &&
                           memcmp(text, package_dir, package_dir_length) == 0;
  }
  return cache_internal[slot];
}

void pf_set_package_dir(const char* dir) {
  package_dir = dir;
  package_dir_length = dir ? strlen(dir) : 0;
  for (int i = 0; i < CACHE; ++i) Py_CLEAR(cache_name[i]);
}

static inline __attribute__((always_inline)) int walk(void** codes, int32_t* instructions,
                                                      int most) {
  PyThreadState* tstate = PyThreadState_GET();
  if (!tstate) return 0;
  int found = 0;
#if PY_VERSION_HEX >= 0x030B0000
#if PY_VERSION_HEX >= 0x030D0000
  struct _PyInterpreterFrame* frame = tstate->current_frame;
#else
  struct _PyInterpreterFrame* frame = tstate->cframe->current_frame;
#endif
  for (; frame; frame = frame->previous) {
#if PY_VERSION_HEX >= 0x030C0000
    if (frame->owner == FRAME_OWNED_BY_CSTACK) continue;
#if PY_VERSION_HEX >= 0x030E0000
    if (frame->owner == FRAME_OWNED_BY_INTERPRETER) continue;
    PyObject* executable = PyStackRef_AsPyObjectBorrow(frame->f_executable);
#elif PY_VERSION_HEX >= 0x030D0000
    PyObject* executable = frame->f_executable;
#else
    PyObject* executable = (PyObject*)frame->f_code;
#endif
    if (!executable || !PyCode_Check(executable)) continue;
    PyCodeObject* code = (PyCodeObject*)executable;
#else
    PyCodeObject* code = frame->f_code;
    if (!code) continue;
#endif
    if (is_internal(code)) continue;
    codes[found] = Py_NewRef((PyObject*)code);
#if PY_VERSION_HEX >= 0x030D0000
    instructions[found] = (int32_t)((char*)frame->instr_ptr - code->co_code_adaptive);
#else
    instructions[found] = (int32_t)((char*)frame->prev_instr - code->co_code_adaptive);
#endif
    if (++found == most) break;
  }
#else
  for (PyFrameObject* frame = tstate->frame; frame; frame = frame->f_back) {
    if (is_internal(frame->f_code)) continue;
    codes[found] = Py_NewRef((PyObject*)frame->f_code);
    instructions[found] = frame->f_lasti * (int)sizeof(_Py_CODEUNIT);
    if (++found == most) break;
  }
#endif
  return found;
}

void* pf_capture_frame(int32_t* instruction) {
  void* code;
  return walk(&code, instruction, 1) ? code : NULL;
}

int pf_capture_frames(void** codes, int32_t* instructions, int most) {
  return walk(codes, instructions, most);
}
