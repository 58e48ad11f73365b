/* What the hardware can do at most; compiled for the machine at hand when benchmarks run. */
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Multiply-adds on twelve independent registers; returns operations per second. Their first values
 * are known only at run time: the compiler drops a register that it knows to keep its value, as
 * 1 * 0.999 + 0.001 does. */
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define BEGIN(K) V acc##K = (V){} + start_value * (T)(K + 1);
#define STEP(K) acc##K = acc##K * factor + term;
#define END(K) sum += acc##K;
#define PEAK(NAME, TYPE)                                            \
  double NAME(long rounds) {                                        \
    typedef TYPE T;                                                 \
    typedef T V __attribute__((vector_size(BYTES)));                \
    volatile T given = (T)1;                                        \
    const T start_value = given;                                    \
    V factor = (V){} + (T)0.999, term = (V){} + (T)1e-3;            \
    EACH(BEGIN)                                                     \
    double start = now();                                           \
    for (long r = 0; r < rounds; r++) {                             \
      EACH(STEP)                                                    \
    }                                                               \
    double spent = now() - start;                                   \
    V sum = (V){};                                                  \
    EACH(END)                                                       \
    volatile T sink = sum[0];                                       \
    (void)sink;                                                     \
    return 2.0 * 12 * (BYTES / sizeof(T)) * (double)rounds / spent; \
  }
PEAK(peak_f32, float)
PEAK(peak_f64, double)

/* Bytes read and written per second by the C library's copy. */
double copy_library(char* to, const char* from, long bytes) {
  double start = now();
  memcpy(to, from, (size_t)bytes);
  return 2.0 * (double)bytes / (now() - start);
}

/* The same with stores that pass by the caches, where there are such; addresses are multiples
 * of 64. */
double copy_streaming(char* to, const char* from, long bytes) {
#if defined(__x86_64__)
  double start = now();
  for (long i = 0; i < bytes; i += 64) {
    _mm_prefetch(from + i + 1024, _MM_HINT_NTA);
    for (int k = 0; k < 64; k += 16)
      _mm_stream_si128((__m128i*)(to + i + k), _mm_load_si128((const __m128i*)(from + i + k)));
  }
  _mm_sfence();
  return 2.0 * (double)bytes / (now() - start);
#else
  return copy_library(to, from, bytes);
#endif
}
