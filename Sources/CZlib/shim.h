#ifndef FOREBAY_CZLIB_SHIM_H
#define FOREBAY_CZLIB_SHIM_H

#include <string.h>
#include <zlib.h>

// `deflateInit2` is a macro, which Swift doesn't import. Writes a gzip member; 0 where `room` is too
// small or memory is short. Room for it is what `forebay_gzip_bound` says.
static inline size_t forebay_gzip(
    const void *bytes, size_t count, void *into, size_t room, int level) {
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  // 15 bits of window, and 16 for gzip's frame instead of zlib's.
  if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  stream.next_in = (Bytef *)bytes;
  stream.avail_in = (uInt)count;
  stream.next_out = into;
  stream.avail_out = (uInt)room;
  int status = deflate(&stream, Z_FINISH);
  size_t written = room - stream.avail_out;
  deflateEnd(&stream);
  return status == Z_STREAM_END ? written : 0;
}

// What zlib promises for its own frame, and gzip's larger one.
static inline size_t forebay_gzip_bound(size_t count) { return compressBound(count) + 32; }

#endif
