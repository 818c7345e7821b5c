#ifndef FOREBAY_CSQLITE_SHIM_H
#define FOREBAY_CSQLITE_SHIM_H

// Debian's SQLite has every function used here; a macro or variadic function that Swift can't import
// would get its `static inline` twin in this file.
#include <sqlite3.h>

#endif
