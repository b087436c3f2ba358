/*
 * A GPU that computes nothing, so that TensorFlow can be watched without one: its memory is the host's, copies are made, and
 * kernels are not run. `simulated-gpu.ts` compiles one part at a time, in the place of the library that PART names: the driver
 * and NVML, with which TensorFlow opens CUDA's own libraries; and the runtime, cuDNN and cuBLAS, with which a whole training
 * step goes through TensorFlow. What is not written out here does nothing and answers with 0, which is success.
 *
 * All are called by name. Types are those of the headers as far as a call needs them: handles are pointers, enumerations ints.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DRIVER 1
#define NVML 2
#define RUNTIME 3
#define CUDNN 4
#define CUBLAS 5

#define DONE 0
#define GIBIBYTE ((size_t)1 << 30)

/* A handle: nothing but an address. */
static int handle(void **made) { *made = calloc(1, 256); return DONE; }

/* Memory of the GPU, with what a kernel may read beyond its end. */
static int memory(void **made, size_t bytes) { *made = aligned_alloc(512, (bytes + 1023) / 512 * 512); return DONE; }

static int copy(void *to, const void *from, size_t bytes) { memmove(to, from, bytes); return DONE; }

#if PART == DRIVER || PART == RUNTIME

/* By number, from CUdevice_attribute and cudaDeviceAttr, which are the same. An Ampere of 80 multiprocessors. */
static int attribute(int *value, int number) {
  switch (number) {
    case 1: case 2: case 3: *value = 1024; break;      /* threads a block, and in each direction */
    case 4: *value = 64; break;                        /* in the third */
    case 5: case 6: case 7: *value = 2147483647; break; /* blocks a grid */
    case 8: *value = 49152; break;                     /* bytes of shared memory a block */
    case 12: case 82: *value = 65536; break;           /* registers a block, a multiprocessor */
    case 16: *value = 80; break;                       /* multiprocessors */
    case 39: *value = 1536; break;                     /* threads a multiprocessor */
    case 75: *value = 8; break;                        /* compute capability */
    case 76: *value = 6; break;
    case 81: case 97: *value = 101376; break;          /* shared memory that a multiprocessor has, that a block may ask for */
    default: *value = 32;                              /* threads a warp, and what nobody asks for */
  }
  return DONE;
}

#endif

#if PART == DRIVER

static char context[64];

int cuInit(unsigned flags) { return DONE; }
int cuDriverGetVersion(int *version) { *version = 12090; return DONE; }
int cuGetErrorName(int error, const char **name) { *name = "SIMULATED"; return DONE; }
int cuGetErrorString(int error, const char **text) { *text = "the GPU is simulated"; return DONE; }

int cuDeviceGetCount(int *count) { *count = 1; return DONE; }
int cuDeviceGet(int *device, int number) { *device = number; return DONE; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "simulated", size); return DONE; }
int cuDeviceGetPCIBusId(char *id, int size, int device) { strncpy(id, "0000:00:1e.0", size); return DONE; }
int cuDeviceGetUuid_v2(char *id, int device) { memset(id, 1, 16); return DONE; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 16 * GIBIBYTE; return DONE; }
int cuDeviceComputeCapability(int *major, int *minor, int device) { *major = 8; *minor = 6; return DONE; }
int cuDeviceGetAttribute(int *value, int number, int device) { return attribute(value, number); }
int cuDeviceCanAccessPeer(int *can, int device, int other) { *can = 0; return DONE; }

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = 0; *active = 1; return DONE; }
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { return DONE; }
int cuDevicePrimaryCtxRetain(void **retained, int device) { *retained = context; return DONE; }
int cuCtxGetCurrent(void **current) { *current = context; return DONE; }
int cuCtxSetCurrent(void *current) { return DONE; }
int cuCtxGetDevice(int *device) { *device = 0; return DONE; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -5; return DONE; }
int cuCtxSynchronize(void) { return DONE; }

int cuMemGetInfo_v2(size_t *unused, size_t *all) { *unused = 15 * GIBIBYTE; *all = 16 * GIBIBYTE; return DONE; }
int cuMemAlloc_v2(void **made, size_t bytes) { return memory(made, bytes); }
int cuMemHostAlloc(void **made, size_t bytes, unsigned flags) { return memory(made, bytes); }
int cuMemFree_v2(void *made) { return DONE; }
int cuMemFreeHost(void *made) { return DONE; }
/* Of an address: its context (1), the kind of its memory (2: the GPU's), its GPU (9). */
int cuPointerGetAttribute(void *value, int number, const void *address) {
  if (number == 1) *(void **)value = context;
  else *(int *)value = number == 2 ? 2 : 0;
  return DONE;
}
int cuMemcpyHtoD_v2(void *to, const void *from, size_t bytes) { return copy(to, from, bytes); }
int cuMemcpyDtoH_v2(void *to, const void *from, size_t bytes) { return copy(to, from, bytes); }
int cuMemcpyHtoDAsync_v2(void *to, const void *from, size_t bytes, void *stream) { return copy(to, from, bytes); }
int cuMemcpyDtoHAsync_v2(void *to, const void *from, size_t bytes, void *stream) { return copy(to, from, bytes); }
int cuMemcpyDtoDAsync_v2(void *to, const void *from, size_t bytes, void *stream) { return copy(to, from, bytes); }
int cuMemsetD8Async(void *to, unsigned char value, size_t count, void *stream) { memset(to, value, count); return DONE; }
int cuMemsetD32Async(uint32_t *to, uint32_t value, size_t count, void *stream) {
  for (size_t at = 0; at < count; at++) to[at] = value;
  return DONE;
}

int cuStreamCreate(void **stream, unsigned flags) { return handle(stream); }
int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) { return handle(stream); }
int cuStreamDestroy_v2(void *stream) { return DONE; }
int cuStreamSynchronize(void *stream) { return DONE; }
int cuStreamQuery(void *stream) { return DONE; }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { return DONE; }
int cuStreamIsCapturing(void *stream, int *status) { *status = 0; return DONE; }
int cuLaunchHostFunc(void *stream, void (*call)(void *), void *data) { call(data); return DONE; }
int cuEventCreate(void **event, unsigned flags) { return handle(event); }
int cuEventRecord(void *event, void *stream) { return DONE; }
int cuEventQuery(void *event) { return DONE; }
int cuEventSynchronize(void *event) { return DONE; }
int cuEventElapsedTime(float *milliseconds, void *from, void *to) { *milliseconds = 1; return DONE; }
int cuEventElapsedTime_v2(float *milliseconds, void *from, void *to) { *milliseconds = 1; return DONE; }
int cuEventDestroy_v2(void *event) { return DONE; }

int cuModuleLoadData(void **module, const void *image) { return handle(module); }
int cuModuleGetFunction(void **function, void *module, const char *name) { return handle(function); }
int cuModuleUnload(void *module) { return DONE; }
int cuFuncSetCacheConfig(void *function, int config) { return DONE; }
int cuFuncSetAttribute(void *function, int number, int value) { return DONE; }
int cuFuncGetAttribute(int *value, int number, void *function) { *value = 16; return DONE; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads, size_t shared) {
  *blocks = 2;
  return DONE;
}
int cuLaunchKernel(void) { return DONE; }

#elif PART == NVML

int nvmlInit(void) { return DONE; }
int nvmlInit_v2(void) { return DONE; }
int nvmlInitWithFlags(unsigned flags) { return DONE; }
int nvmlShutdown(void) { return DONE; }

#elif PART == RUNTIME

int cudaDriverGetVersion(int *version) { *version = 12090; return DONE; }
int cudaRuntimeGetVersion(int *version) { *version = 12090; return DONE; }
const char *cudaGetErrorName(int error) { return "SIMULATED"; }
const char *cudaGetErrorString(int error) { return "the GPU is simulated"; }
int cudaGetDeviceCount(int *count) { *count = 1; return DONE; }
int cudaGetDevice(int *device) { *device = 0; return DONE; }
int cudaDeviceGetAttribute(int *value, int number, int device) { return attribute(value, number); }
/* Of this structure the counts matter, by which others are divided: none is 0. */
int cudaGetDeviceProperties_v2(int *properties, int device) {
  for (int at = 0; at < 256; at++) properties[at] = 32;
  return DONE;
}
int cudaFuncGetAttributes(int *attributes, const void *function) {
  memset(attributes, 0, 128);
  attributes[6] = 1024; /* threads a block */
  attributes[7] = 16;   /* registers */
  return DONE;
}
int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, void *function, int threads, size_t shared, int flags) {
  *blocks = 2;
  return DONE;
}
int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads, size_t shared) {
  *blocks = 2;
  return DONE;
}
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) { return copy(to, from, bytes); }
int cudaMemsetAsync(void *to, int value, size_t count, void *stream) { memset(to, value, count); return DONE; }
int cudaStreamIsCapturing(void *stream, int *status) { *status = 0; return DONE; }
int cudaStreamAddCallback(void *stream, void (*call)(void *, int, void *), void *data, unsigned flags) {
  call(stream, DONE, data);
  return DONE;
}
/* By these nvcc's code makes its kernels known, and starts them. */
void **__cudaRegisterFatBinary(void *binary) { return calloc(1, 64); }
void __cudaRegisterFatBinaryEnd(void **binary) {}
void __cudaUnregisterFatBinary(void **binary) {}
int __cudaPopCallConfiguration(unsigned *grid, unsigned *block, size_t *shared, void **stream) {
  for (int at = 0; at < 3; at++) grid[at] = block[at] = 1;
  *shared = 0;
  *stream = NULL;
  return DONE;
}

#elif PART == CUDNN

enum { DESCRIPTORS = 15, SMALL = 4, INT64 = 3, BOOLEAN = 2 };

size_t cudnnGetVersion(void) { return 92000; }
size_t cudnnGetCudartVersion(void) { return 12090; }
int cudnnGetProperty(int which, int *value) { *value = which == 0 ? 9 : which == 1 ? 20 : 0; return DONE; }
const char *cudnnGetErrorString(int error) { return "the GPU is simulated"; }
void cudnnGetLastErrorString(char *text, size_t size) { if (size > 0) *text = 0; }
int cudnnCreate(void **made) { return handle(made); }
int cudnnCreateTensorDescriptor(void **made) { return handle(made); }
int cudnnCreateFilterDescriptor(void **made) { return handle(made); }
int cudnnCreateConvolutionDescriptor(void **made) { return handle(made); }
int cudnnCreatePoolingDescriptor(void **made) { return handle(made); }
int cudnnCreateActivationDescriptor(void **made) { return handle(made); }
int cudnnBackendCreateDescriptor(int kind, void **made) { return handle(made); }
/* Of whatever a descriptor is asked for there is one, and it is 0; one engine for each operation. */
int cudnnBackendGetAttribute(void *of, int number, int type, int64_t room, int64_t *count, void *values) {
  if (count) *count = room > 0 || type == DESCRIPTORS;
  if (values && room > 0 && type != DESCRIPTORS) memset(values, 0, type == BOOLEAN ? 1 : type == INT64 ? 8 : SMALL);
  return DONE;
}

#elif PART == CUBLAS

int cublasCreate_v2(void **made) { return handle(made); }
int cublasGetVersion_v2(void *of, int *version) { *version = 120904; return DONE; }
int cublasGetMathMode(void *of, int *mode) { *mode = 0; return DONE; }
int cublasGetPointerMode_v2(void *of, int *mode) { *mode = 0; return DONE; }

#endif
