// What the machine offers: instruction sets and processors.
#pragma once

namespace pyforge::cpu {

// Highest x86-64 level (1 to 4) that both processor and operating system support; 0 elsewhere.
int x86_level();

// Processors this process may use: its affinity mask, cut to the cgroup quota rounded up.
int usable_cpus();

}  // namespace pyforge::cpu
