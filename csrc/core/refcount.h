// Intrusive reference counts. All counts change with the GIL held, so they are plain integers;
// see docs/architecture.md, Note [The GIL guards the bookkeeping].
#pragma once
#include <cstdint>
#include <utility>

namespace pyforge {

// T has `uint32_t refs` (1 when made) and `static void destroy(T*)`.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(const Ref& other) : ptr_(other.ptr_) {
    if (ptr_) ++ptr_->refs;
  }
  Ref(Ref&& other) noexcept : ptr_(std::exchange(other.ptr_, nullptr)) {}
  Ref& operator=(const Ref& other) {
    Ref(other).swap(*this);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    if (this != &other) {
      T* old = std::exchange(ptr_, std::exchange(other.ptr_, nullptr));
      if (old && --old->refs == 0) T::destroy(old);
    }
    return *this;
  }
  ~Ref() { reset(); }

  static Ref steal(T* p) {
    Ref r;
    r.ptr_ = p;
    return r;
  }
  static Ref borrow(T* p) {
    if (p) ++p->refs;
    return steal(p);
  }
  T* release() { return std::exchange(ptr_, nullptr); }
  void reset() {
    T* p = std::exchange(ptr_, nullptr);
    if (p && --p->refs == 0) T::destroy(p);
  }
  void swap(Ref& other) noexcept { std::swap(ptr_, other.ptr_); }

  T* get() const { return ptr_; }
  T* operator->() const { return ptr_; }
  T& operator*() const { return *ptr_; }
  explicit operator bool() const { return ptr_ != nullptr; }
  bool operator==(const Ref& other) const { return ptr_ == other.ptr_; }

 private:
  T* ptr_ = nullptr;
};

}  // namespace pyforge
