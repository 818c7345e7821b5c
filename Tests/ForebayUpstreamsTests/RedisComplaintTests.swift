import Testing

@testable import ForebayUpstreams

@Suite struct RedisComplaintTests {
  @Test(arguments: [
    ("OOM command not allowed when used memory > 'maxmemory'.", RedisComplaint.Meaning.throttled),
    ("LOADING Redis is loading the dataset in memory", .throttled),
    ("BUSY Redis is busy running a script.", .throttled),
    ("ERR max number of clients reached", .throttled),
    ("MASTERDOWN Link with MASTER is down", .failed),
    ("MISCONF Redis is configured to save RDB snapshots", .failed),
    ("WRONGTYPE Operation against a key", .failed), ("ERR something new", .failed),
    ("ERR unknown command 'XADD'", .failed), ("WHATEVER comes", .failed), ("", .failed),
    ("READONLY You can't write against a read only replica.", .failedHere),
    ("MOVED 1234 10.0.0.1:6379", .failedHere), ("NOAUTH Authentication required.", .failedHere),
    ("WRONGPASS invalid username-password pair", .failedHere),
    ("NOPERM this user has no permissions", .failedHere),
    ("ERR Protocol error: invalid bulk length", .rejected),
  ])
  func eachHasItsMeaning(_ text: String, _ meaning: RedisComplaint.Meaning) {
    #expect(RedisComplaint(text).meaning == meaning)
  }
}
