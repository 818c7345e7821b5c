import Glibc

/// A thread of our own, to be joined exactly once.
package struct WorkerThread {
  private let handle: pthread_t

  /// Nil if the system gives no thread. Signals stay with the threads that were there before.
  package static func start(name: String, _ body: @escaping @Sendable () -> Void) -> WorkerThread? {
    let job = Unmanaged.passRetained(Job(name: name, body: body))
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var handle = pthread_t()
    guard pthread_create(&handle, nil, runJob, job.toOpaque()) == 0 else {
      job.release()
      return nil
    }
    return WorkerThread(handle: handle)
  }

  package func join() { pthread_join(handle, nil) }
}

private final class Job: Sendable {
  let name: String
  let body: @Sendable () -> Void
  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}

private func runJob(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let job = Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
  nameThread(job.name)
  job.body()
  return nil
}

/// For `top -H` and debuggers. The functions made for it can't be imported into Swift.
private func nameThread(_ name: String) {
  let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  guard file >= 0 else { return }
  // The kernel takes 15 bytes.
  let bytes = Array(name.utf8.prefix(15))
  _ = write(file, bytes, bytes.count)
  close(file)
}
