#ifndef FOREBAY_CYAML_SHIM_H
#define FOREBAY_CYAML_SHIM_H

// Everything of libyaml that is used here is a plain function or struct. A macro or variadic function
// that Swift can't import would get its `static inline` twin in this file.
#include <yaml.h>

#endif
