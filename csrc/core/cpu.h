// What the machine offers: instruction sets and processors.
#pragma once

namespace pyforge::cpu {

// Highest x86-64 level (1 to 4) that both processor and operating system support; 0 elsewhere.
int x86_level();

// The dot products of bfloat16 (AVX512_BF16), beyond level 4.
bool has_avx512_bf16();

// Processors this process may use: its affinity mask, cut to the cgroup quota rounded up.
int usable_cpus();

}  // namespace pyforge::cpu
