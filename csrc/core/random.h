// Random numbers. The streams are those of PyTorch's CPU generator: the same seed gives the same
// numbers, element by element (normal() in float32 within rounding).
#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace pyforge {

// Mersenne Twister MT19937. Filling functions lock the generator; the single draws do not.
class Generator {
 public:
  static constexpr uint64_t kDefaultSeed = 67280421310721;
  static constexpr size_t kStateBytes = 5056;  // the layout of torch.get_rng_state()

  explicit Generator(uint64_t seed = kDefaultSeed) { reseed(seed); }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  void manual_seed(uint64_t seed);
  // Takes a seed from the system and returns it.
  uint64_t seed();
  uint64_t initial_seed() const { return seed_; }
  void get_state(void* out) const;
  // False, and no change, if these are not the kStateBytes bytes of a valid state.
  bool set_state(const void* state, size_t bytes);

  uint32_t random() {
    uint32_t x;
    draw(&x, 1);
    return x;
  }
  uint64_t random64() {
    uint32_t x[2];
    draw(x, 2);
    return uint64_t{x[0]} << 32 | x[1];
  }

  // Each fills out[0..n). Arguments must be valid: from <= to, std >= 0, low < high, 0 <= p <= 1.
  void uniform(float* out, int64_t n, double from, double to);  // [from, to)
  void uniform(double* out, int64_t n, double from, double to);
  void normal(float* out, int64_t n, double mean, double std);
  void normal(double* out, int64_t n, double mean, double std);
  void exponential(float* out, int64_t n, double rate);
  void exponential(double* out, int64_t n, double rate);
  void random_int(int64_t* out, int64_t n, int64_t low, int64_t high);  // [low, high)
  void permutation(int64_t* out, int64_t n);                            // of 0 .. n-1
  // 1 with probability p, else 0. T: float, double, bool.
  template <class T>
  void bernoulli(T* out, int64_t n, double p);
  // The same with a probability for each element. P: float, double.
  template <class T, class P>
  void bernoulli(T* out, int64_t n, const P* p);

 private:
  static constexpr int kWords = 624;

  void reseed(uint64_t seed);
  void regenerate();
  void draw(uint32_t* out, int64_t n);
  void draw64(uint64_t* out, int64_t n);
  template <class T>
  void fill_uniform(T* out, int64_t n);
  template <class T>
  void fill_uniform(T* out, int64_t n, T from, T to);
  template <class T>
  void fill_normal(T* out, int64_t n, double mean, double std);
  template <class T>
  void fill_exponential(T* out, int64_t n, double rate);
  double next_normal();

  uint32_t words_[kWords];
  int next_, left_;  // next word to hand out; words left plus one
  uint64_t seed_;
  double spare_normal_;
  bool has_spare_normal_;
  std::mutex mutex_;
};

// The generator that is used where none is given.
Generator& default_generator();
inline Generator& stream(Generator* g) { return g ? *g : default_generator(); }

}  // namespace pyforge
