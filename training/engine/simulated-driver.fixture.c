/*
 * A driver of NVIDIA's that computes nothing: one GPU, of which TensorFlow asks the properties, and then opens its libraries. It
 * ends in a crash at the first thing that must be computed. `simulated-driver.fixture.ts` compiles it: once as libcuda, once,
 * with NVML defined, as libnvidia-ml. TensorFlow calls these functions by name, so their types are written out here.
 */
#include <string.h>

#define DONE 0

#ifdef NVML

int nvmlInit(void) { return DONE; }
int nvmlInit_v2(void) { return DONE; }
int nvmlInitWithFlags(unsigned flags) { return DONE; }
int nvmlShutdown(void) { return DONE; }

#else

/* Numbers of properties, from the enumeration CUdevice_attribute. */
enum { THREADS_A_BLOCK = 1, WARP_SIZE = 10, MULTIPROCESSORS = 16, CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76 };

static const size_t gibibyte = (size_t)1 << 30;
static char context;

static int text(const char **answer) { *answer = "the driver is simulated"; return DONE; }

int cuInit(unsigned flags) { return DONE; }
int cuDriverGetVersion(int *version) { *version = 13000; return DONE; }
int cuGetErrorName(int error, const char **name) { return text(name); }
int cuGetErrorString(int error, const char **string) { return text(string); }

int cuDeviceGetCount(int *count) { *count = 1; return DONE; }
int cuDeviceGet(int *device, int number) { *device = number; return DONE; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "simulated", size); return DONE; }
int cuDeviceGetPCIBusId(char *id, int size, int device) { strncpy(id, "0000:00:1e.0", size); return DONE; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 16 * gibibyte; return DONE; }
int cuDeviceComputeCapability(int *major, int *minor, int device) { *major = 8; *minor = 6; return DONE; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  switch (attribute) {
    case THREADS_A_BLOCK: *value = 1024; break;
    case WARP_SIZE: *value = 32; break;
    case MULTIPROCESSORS: *value = 80; break;
    case CAPABILITY_MAJOR: *value = 8; break;
    case CAPABILITY_MINOR: *value = 6; break;
    default: *value = 1;
  }
  return DONE;
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { *flags = 0; *active = 0; return DONE; }
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { return DONE; }
int cuDevicePrimaryCtxRetain(void **retained, int device) { *retained = &context; return DONE; }
int cuCtxGetCurrent(void **current) { *current = &context; return DONE; }
int cuCtxSetCurrent(void *current) { return DONE; }
int cuCtxGetDevice(int *device) { *device = 0; return DONE; }
int cuMemGetInfo_v2(size_t *unused, size_t *all) { *unused = 15 * gibibyte; *all = 16 * gibibyte; return DONE; }

#endif
