import Glibc
import Synchronization
import Testing

@testable import ForebayUV

@Suite struct UnixSocketFileTests {
  @Test(arguments: [0o600, 0o660, 0o666, 0o620] as [UInt32])
  func hasExactlyTheModeThatWasAsked(_ mode: UInt32) throws {
    try withDirectory { directory in
      let file = try make(directory + "/s", mode: mode)
      #expect(fileMode(directory + "/s") == mode)
      finish(file)
    }
  }

  /// Another thread looks at the names all the time while sockets are made with no umask.
  @Test func isNeverWiderThanAskedAndNeverMissingWhileItReplacesAStaleOne() throws {
    try withDirectory { directory in
      try withLoop { loop in
        let path = directory + "/s"
        let temporary = directory + "/~"
        leaveStaleSocket(path)
        chmod(path, 0o600)
        let seen = Atomic<UInt32>(0)
        let misses = Atomic(0)
        let looks = Atomic(0)
        let stop = Atomic(false)
        var watcherEnded = false
        try Work(
          on: loop,
          {
            while !stop.load(ordering: .relaxed) {
              if let mode = fileMode(path) {
                seen.bitwiseOr(mode, ordering: .relaxed)
              } else {
                misses.wrappingAdd(1, ordering: .relaxed)
              }
              if let mode = fileMode(temporary) { seen.bitwiseOr(mode, ordering: .relaxed) }
              looks.wrappingAdd(1, ordering: .relaxed)
            }
          }, then: { _ in watcherEnded = true })
        try turn(loop, until: { looks.load(ordering: .relaxed) > 0 })
        let mask = umask(0)
        for _ in 0..<300 {
          let file = try make(path, mode: 0o640)
          // Dies without cleaning up, and so leaves a stale one to the next.
          close(file.descriptor)
        }
        umask(mask)
        stop.store(true, ordering: .relaxed)
        try turn(loop, until: { watcherEnded })
        #expect(seen.load(ordering: .relaxed) & ~0o640 == 0)
        #expect(misses.load(ordering: .relaxed) == 0)
      }
    }
  }

  @Test func replacesAStaleSocketAndWhatAKilledStartLeft() throws {
    try withDirectory { directory in
      let path = directory + "/name"
      leaveStaleSocket(path)
      leaveStaleSocket(directory + "/nam~")
      let stale = inode(path)
      let file = try make(path)
      #expect(inode(path) != stale)
      #expect(inode(directory + "/nam~") == nil)
      finish(file)
      #expect(inode(path) == nil)
    }
  }

  @Test func replacesNothingButSockets() throws {
    try withDirectory { directory in
      let path = directory + "/name"
      close(open(path, O_CREAT | O_RDWR, 0o600))
      #expect(throws: ListenError.notASocket(path)) { try make(path) }
      unlink(path)
      symlink("elsewhere", path)
      #expect(throws: ListenError.notASocket(path)) { try make(path) }
      unlink(path)
      mkdir(path, 0o700)
      #expect(throws: ListenError.notASocket(path)) { try make(path) }
      rmdir(path)
      close(open(directory + "/nam~", O_CREAT | O_RDWR, 0o600))
      #expect(throws: ListenError.notASocket(directory + "/nam~")) { try make(path) }
      #expect(inode(directory + "/nam~") != nil)
    }
  }

  @Test(.enabled(if: getuid() != 0, "root may give a file to any group"))
  func leavesNothingBehindWhenItFails() throws {
    try withDirectory { directory in
      // A group that isn't ours makes it fail after the socket has its temporary name.
      #expect(throws: ListenError.failed(UVError(.notPermitted, "fchownat"))) {
        try UnixSocketFile(directory + "/name", mode: 0o600, group: 0, backlog: 5)
      }
      #expect(names(in: directory) == ["name.lock"])
    }
  }

  @Test func waitsForTheLockAndGivesUp() throws {
    try withDirectory { directory in
      let path = directory + "/name"
      let lock = open(path + ".lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
      try #require(flock(lock, LOCK_EX) == 0)
      #expect(throws: ListenError.locked(path + ".lock")) { try make(path) }
      close(lock)
      finish(try make(path))
    }
  }

  @Test func doesNotFollowALinkInPlaceOfTheLock() throws {
    try withDirectory { directory in
      symlink(directory + "/victim", directory + "/name.lock")
      #expect(throws: ListenError.self) { try make(directory + "/name") }
      #expect(inode(directory + "/victim") == nil)
    }
  }

  @Test(.enabled(if: getuid() == 0, "needs root to give a file to a group it isn't in"))
  func givesItToTheGroupBeforeTheGroupMayConnect() throws {
    try withDirectory { directory in
      let path = directory + "/s"
      let file = try UnixSocketFile(path, mode: 0o660, group: 4_321, backlog: 5)
      var status = stat()
      #expect(lstat(path, &status) == 0 && status.st_gid == 4_321)
      #expect(fileMode(path) == 0o660)
      finish(file)
    }
  }

  private func make(_ path: String, mode: UInt32 = 0o600) throws(ListenError) -> UnixSocketFile {
    try UnixSocketFile(path, mode: mode, group: nil, backlog: 5)
  }

  private func finish(_ file: UnixSocketFile) {
    file.remove()
    close(file.descriptor)
  }
}
