#include "core/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>
#include <utility>

#include "core/box_muller.h"

namespace pyforge {
namespace {

constexpr int64_t kChunk = 512;  // words drawn at a time

// The layout of torch.get_rng_state().
struct TorchState {
  uint64_t seed;
  int32_t left, seeded;
  uint64_t next;
  uint64_t words[624];
  double unused_x, spare_normal, unused_rho;
  int32_t has_spare_normal;
  float unused_float_normal;
  uint8_t has_float_normal;
};
static_assert(sizeof(TorchState) == Generator::kStateBytes);

constexpr uint32_t twist(uint32_t u, uint32_t v) {
  return (((u & 0x80000000u) | (v & 0x7fffffffu)) >> 1) ^ (-(v & 1u) & 0x9908b0dfu);
}

constexpr uint32_t temper(uint32_t y) {
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

constexpr float unit(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word & 0xffffff)) * 0x1p-24f;
}
constexpr double unit(uint64_t word) {
  return static_cast<double>(static_cast<int64_t>(word & ((uint64_t{1} << 53) - 1))) * 0x1p-53;
}

// Calls f(words, first, count) on chunks of `n` fresh words of type Word.
template <class Word, class Draw, class F>
void for_each_chunk(int64_t n, Draw draw, F f) {
  Word words[kChunk];
  for (int64_t first = 0; first < n; first += kChunk) {
    const int64_t count = std::min(kChunk, n - first);
    draw(words, count);
    f(words, first, count);
  }
}

}  // namespace

void Generator::reseed(uint64_t seed) {
  seed_ = seed;
  words_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < kWords; ++i) {
    words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
  }
  next_ = 0;
  left_ = 1;
  has_spare_normal_ = false;
  spare_normal_ = 0;
}

void Generator::manual_seed(uint64_t seed) {
  const std::lock_guard lock(mutex_);
  reseed(seed);
}

uint64_t Generator::seed() {
  std::random_device device;
  const uint64_t high = device(), low = device();
  const uint64_t seed = (high << 32 | low) & ((uint64_t{1} << 53) - 1);  // exact as a double
  manual_seed(seed);
  return seed;
}

void Generator::get_state(void* out) const {
  TorchState state;
  std::memset(&state, 0, sizeof state);
  state.seed = seed_;
  state.left = left_;
  state.seeded = 1;
  state.next = static_cast<uint64_t>(next_);
  std::copy(words_, words_ + kWords, state.words);
  state.has_spare_normal = has_spare_normal_;
  state.spare_normal = has_spare_normal_ ? spare_normal_ : 0;
  std::memcpy(out, &state, sizeof state);
}

bool Generator::set_state(const void* bytes, size_t count) {
  TorchState state;
  if (count != sizeof state) return false;
  std::memcpy(&state, bytes, sizeof state);
  const bool fresh = state.left == 1 && state.next <= kWords;
  if (!state.seeded || (!fresh && (state.left < 1 || state.next + state.left != kWords + 1))) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  seed_ = state.seed;
  left_ = state.left;
  next_ = static_cast<int>(state.next);
  std::copy(state.words, state.words + kWords, words_);
  has_spare_normal_ = state.has_spare_normal;
  spare_normal_ = state.spare_normal;
  return true;
}

void Generator::regenerate() {
  constexpr int m = 397;
  for (int i = 0; i < kWords - m; ++i) words_[i] = words_[i + m] ^ twist(words_[i], words_[i + 1]);
  for (int i = kWords - m; i < kWords - 1; ++i) {
    words_[i] = words_[i + m - kWords] ^ twist(words_[i], words_[i + 1]);
  }
  words_[kWords - 1] = words_[m - 1] ^ twist(words_[kWords - 1], words_[0]);
  next_ = 0;
  left_ = kWords + 1;
}

void Generator::draw(uint32_t* out, int64_t n) {
  while (n > 0) {
    if (left_ == 1) regenerate();
    const int count = static_cast<int>(std::min<int64_t>(n, left_ - 1));
    const uint32_t* words = words_ + next_;
    for (int i = 0; i < count; ++i) out[i] = temper(words[i]);
    next_ += count;
    left_ -= count;
    out += count;
    n -= count;
  }
}

void Generator::draw64(uint64_t* out, int64_t n) {
  uint32_t words[2 * kChunk];
  draw(words, 2 * n);
  for (int64_t i = 0; i < n; ++i) out[i] = uint64_t{words[2 * i]} << 32 | words[2 * i + 1];
}

template <>
void Generator::fill_uniform(float* out, int64_t n) {
  for_each_chunk<uint32_t>(
      n, [this](uint32_t* words, int64_t count) { draw(words, count); },
      [out](const uint32_t* words, int64_t first, int64_t count) {
        for (int64_t i = 0; i < count; ++i) out[first + i] = unit(words[i]);
      });
}

template <>
void Generator::fill_uniform(double* out, int64_t n) {
  for_each_chunk<uint64_t>(
      n, [this](uint64_t* words, int64_t count) { draw64(words, count); },
      [out](const uint64_t* words, int64_t first, int64_t count) {
        for (int64_t i = 0; i < count; ++i) out[first + i] = unit(words[i]);
      });
}

template <class T>
void Generator::fill_uniform(T* out, int64_t n, T from, T to) {
  fill_uniform(out, n);
  if (from == 0 && to == 1) return;
  const T width = to - from;
  for (int64_t i = 0; i < n; ++i) {
    T x;
    if constexpr (sizeof(T) == 4) {
      x = static_cast<float>(static_cast<double>(out[i]) * width + from);  // exact product
    } else {
      x = std::fma(out[i], width, from);
    }
    out[i] = x == to ? from : x;
  }
}

void Generator::uniform(float* out, int64_t n, double from, double to) {
  const std::lock_guard lock(mutex_);
  fill_uniform(out, n, static_cast<float>(from), static_cast<float>(to));
}

void Generator::uniform(double* out, int64_t n, double from, double to) {
  const std::lock_guard lock(mutex_);
  fill_uniform(out, n, from, to);
}

// Box-Muller gives two numbers; the second one waits for the next call.
double Generator::next_normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  const double u1 = unit(random64()), u2 = unit(random64());
  const double radius = std::sqrt(-2.0 * std::log1p(-u2));
  const double theta = 2.0 * std::numbers::pi * u1;
  spare_normal_ = radius * std::sin(theta);
  has_spare_normal_ = true;
  return radius * std::cos(theta);
}

// From 16 elements on PyTorch transforms uniform numbers in blocks of 16, and draws the last 16
// again where the size is no multiple of that.
template <class T>
void Generator::fill_normal(T* out, int64_t n, double mean, double std) {
  constexpr int64_t block = 16;
  if (n < block) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(std::fma(next_normal(), std, mean));
    return;
  }
  const T m = static_cast<T>(mean), s = static_cast<T>(std);
  fill_uniform(out, n);
  for (int64_t i = 0; i + block <= n; i += block) box_muller16(out + i, m, s);
  if (n % block != 0) {
    fill_uniform(out + n - block, block);
    box_muller16(out + n - block, m, s);
  }
}

void Generator::normal(float* out, int64_t n, double mean, double std) {
  const std::lock_guard lock(mutex_);
  fill_normal(out, n, mean, std);
}

void Generator::normal(double* out, int64_t n, double mean, double std) {
  const std::lock_guard lock(mutex_);
  fill_normal(out, n, mean, std);
}

template <class T>
void Generator::fill_exponential(T* out, int64_t n, double rate) {
  for_each_chunk<uint64_t>(
      n, [this](uint64_t* words, int64_t count) { draw64(words, count); },
      [=](const uint64_t* words, int64_t first, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          out[first + i] = static_cast<T>(-1.0 / rate * std::log1p(-unit(words[i])));
        }
      });
}

void Generator::exponential(float* out, int64_t n, double rate) {
  const std::lock_guard lock(mutex_);
  fill_exponential(out, n, rate);
}

void Generator::exponential(double* out, int64_t n, double rate) {
  const std::lock_guard lock(mutex_);
  fill_exponential(out, n, rate);
}

void Generator::random_int(int64_t* out, int64_t n, int64_t low, int64_t high) {
  const std::lock_guard lock(mutex_);
  const uint64_t base = static_cast<uint64_t>(low);
  const uint64_t range = static_cast<uint64_t>(high) - base;
  if (range >= uint64_t{1} << 28) {  // 32 bits would make the modulo too uneven
    for_each_chunk<uint64_t>(
        n, [this](uint64_t* words, int64_t count) { draw64(words, count); },
        [=](const uint64_t* words, int64_t first, int64_t count) {
          for (int64_t i = 0; i < count; ++i) {
            out[first + i] = static_cast<int64_t>(words[i] % range + base);
          }
        });
    return;
  }
  const uint32_t narrow = static_cast<uint32_t>(range);
  for_each_chunk<uint32_t>(
      n, [this](uint32_t* words, int64_t count) { draw(words, count); },
      [=](const uint32_t* words, int64_t first, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          out[first + i] = static_cast<int64_t>(words[i] % narrow + base);
        }
      });
}

void Generator::permutation(int64_t* out, int64_t n) {
  const std::lock_guard lock(mutex_);
  if (n < int64_t{UINT32_MAX / 20}) {
    for (int64_t i = 0; i < n; ++i) out[i] = i;
    for_each_chunk<uint32_t>(
        n - 1, [this](uint32_t* words, int64_t count) { draw(words, count); },
        [=](const uint32_t* words, int64_t first, int64_t count) {
          for (int64_t i = first; i < first + count; ++i) {
            std::swap(out[i], out[i + words[i - first] % static_cast<uint32_t>(n - i)]);
          }
        });
    return;
  }
  for (int64_t i = 0; i < n; ++i) {  // inside-out shuffle
    const int64_t j = static_cast<int64_t>(random64() % static_cast<uint64_t>(i + 1));
    out[i] = i;
    out[i] = out[j];
    out[j] = i;
  }
}

template <class T>
void Generator::bernoulli(T* out, int64_t n, double p) {
  const std::lock_guard lock(mutex_);
  // unit(word) < p in integers; scaling by a power of two is exact.
  const int64_t bound = static_cast<int64_t>(std::ceil(p * 0x1p53));
  for_each_chunk<uint64_t>(
      n, [this](uint64_t* words, int64_t count) { draw64(words, count); },
      [=](const uint64_t* words, int64_t first, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          const int64_t x = static_cast<int64_t>(words[i] & ((uint64_t{1} << 53) - 1));
          out[first + i] = static_cast<T>(x < bound);
        }
      });
}

template <class T, class P>
void Generator::bernoulli(T* out, int64_t n, const P* p) {
  const std::lock_guard lock(mutex_);
  for (int64_t first = 0; first < n; first += kChunk) {
    const int64_t count = std::min(kChunk, n - first);
    P u[kChunk];
    fill_uniform(u, count);
    for (int64_t i = 0; i < count; ++i) out[first + i] = static_cast<T>(u[i] < p[first + i]);
  }
}

template void Generator::bernoulli(float*, int64_t, double);
template void Generator::bernoulli(double*, int64_t, double);
template void Generator::bernoulli(bool*, int64_t, double);
template void Generator::bernoulli(float*, int64_t, const float*);
template void Generator::bernoulli(float*, int64_t, const double*);
template void Generator::bernoulli(double*, int64_t, const float*);
template void Generator::bernoulli(double*, int64_t, const double*);
template void Generator::bernoulli(bool*, int64_t, const float*);
template void Generator::bernoulli(bool*, int64_t, const double*);

Generator& default_generator() {
  static Generator generator;
  return generator;
}

}  // namespace pyforge
