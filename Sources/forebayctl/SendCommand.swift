import ArgumentParser
import ForebayClient
import Glibc

/// `forebayctl send`: every line of a file, or of standard input, becomes a message.
struct SendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "Send the lines of a file or of standard input, a message each.",
    discussion: """
      Waits until every message has come as far as --receipt says, and tells what became of them. \
      When the daemon restarts meanwhile, it resumes.

      Exit status: 0 all were delivered; 1 some had another outcome; 64 usage; 65 a line is too \
      long; 66 no input; 69 the daemon can't be reached; 75 no progress within --timeout; 130 \
      interrupted.
      """)

  @Option(help: "Where the daemon listens. Default: $FOREBAY_SOCKET or /run/forebay/client.sock.")
  var socket = ClientOptions.defaultSocketPath

  @Option(help: "The route; without it the daemon's default one.")
  var route: String?

  @Option(help: "What to wait for: received, stored or delivered.")
  var receipt = ReceiptOption.delivered

  @Option(help: "How long each message is worth anything, from its receipt on, such as 30s.")
  var ttl: TimeOption?

  @Option(help: "The lane, 0 to 7.")
  var lane = 0

  @Option(
    help: """
      Go on with this session: the same lines were sent before, and what the daemon still knows of \
      them isn't sent again. 32 hexadecimal digits.
      """)
  var session: String?

  @Option(help: "Begin with this line; the ones before it are skipped. Lines count from 1.")
  var fromLine: UInt64 = 1

  @Option(help: "Give up when nothing has moved for this long.")
  var timeout = TimeOption(duration: .seconds(30))

  @Option(name: .shortAndLong, help: "How to print the summary: text or json.")
  var output = OutputForm.text

  @Argument(help: "The file; - is standard input.")
  var file = "-"

  func validate() throws {
    guard (0..<8).contains(lane) else { throw ValidationError("--lane is 0 to 7") }
    guard fromLine >= 1 else { throw ValidationError("--from-line counts from 1") }
    guard session == nil || SessionID(session ?? "") != nil else {
      throw ValidationError("--session has 32 hexadecimal digits, not all of them zero")
    }
    if let ttl, ttl.duration < .milliseconds(1) || ttl.duration > .milliseconds(UInt32.max) {
      throw ValidationError("--ttl is between 1ms and 49 days")
    }
  }

  func run() throws {
    let input = try openInput()
    Interrupts.catchSignals()
    let summary: SendSummary
    do {
      summary = try SendRun(plan(inputBytes: input.bytes), descriptor: input.descriptor).run()
    } catch {
      complain(error.text)
      throw ExitCode(ExitStatus.usage.rawValue)
    }
    write(output == .json ? summary.json : summary.text, to: STDOUT_FILENO)
    if let problem = summary.problem { complain(problem) }
    throw ExitCode(summary.status.rawValue)
  }

  private func plan(inputBytes: Int?) -> SendRun.Plan {
    var plan = SendRun.Plan()
    plan.options.socketPath = socket
    plan.options.route = route
    plan.options.name = "forebayctl send"
    plan.options.receipt = receipt.stage
    plan.options.continuedSession = session.flatMap(SessionID.init)
    plan.options.firstNumber = fromLine
    plan.lane = lane
    plan.ttl = ttl?.duration
    plan.timeout = timeout.duration
    plan.inputBytes = inputBytes
    return plan
  }

  private func openInput() throws -> (descriptor: Int32, bytes: Int?) {
    let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
    var facts = stat()
    guard descriptor >= 0, fstat(descriptor, &facts) == 0 else {
      complain("can't open \(file): \(String(cString: strerror(errno)))")
      throw ExitCode(ExitStatus.noInput.rawValue)
    }
    guard facts.st_mode & S_IFMT != S_IFDIR else {
      complain("\(file) is a directory")
      throw ExitCode(ExitStatus.noInput.rawValue)
    }
    return (descriptor, facts.st_mode & S_IFMT == S_IFREG ? Int(facts.st_size) : nil)
  }
}

/// The client's receipt stages as an option.
enum ReceiptOption: String, ExpressibleByArgument, CaseIterable {
  case received, stored, delivered

  var stage: ReceiptStage {
    switch self {
    case .received: return .received
    case .stored: return .stored
    case .delivered: return .delivered
    }
  }
}

enum OutputForm: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

/// A length of time on the command line.
struct TimeOption: ExpressibleByArgument {
  let duration: Duration

  init(duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = TimeText.parse(argument) else { return nil }
    self.duration = duration
  }

  var defaultValueDescription: String {
    duration.components.attoseconds == 0 ? "\(duration.components.seconds)s" : "\(duration)"
  }
}
