/* Reads the user's position from the interpreter; see frame.c. */
#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
/* Frames of files below `dir` (kept by pointer) are skipped. */
void pf_set_package_dir(const char* dir);
/* New reference to the innermost code object outside the package, or NULL. */
void* pf_capture_frame(int32_t* instruction);
/* The same for up to `most` code objects, innermost first. How many there are. */
int pf_capture_frames(void** codes, int32_t* instructions, int most);
#ifdef __cplusplus
}
#endif
