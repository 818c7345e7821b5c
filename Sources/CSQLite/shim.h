#ifndef FOREBAY_CSQLITE_SHIM_H
#define FOREBAY_CSQLITE_SHIM_H

#include <sqlite3.h>

// Swift can't import the macro, whose value is a cast of -1 to a function pointer: SQLite copies
// the bound bytes before the call returns.
static inline sqlite3_destructor_type forebay_sqlite_transient(void) { return SQLITE_TRANSIENT; }

#endif
