#ifndef FOREBAY_CUV_SHIM_H
#define FOREBAY_CUV_SHIM_H

#include <uv.h>

#endif
