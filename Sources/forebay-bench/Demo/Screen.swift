import Glibc

/// Standard output: a terminal, on which the view is drawn over itself, or anything else.
final class Screen {
  /// The view is drawn again and again.
  let isLive: Bool
  /// Nobody reads any more.
  private(set) var isGone = false
  private let isColoured: Bool
  /// Lines of the view on the screen, above the cursor.
  private var drawn = 0
  private var size = (columns: 0, rows: 0)

  /// `lineCount` lines must fit on a terminal for the view to be live.
  init(lineCount: Int, isPlain: Bool) {
    let isTerminal =
      isatty(STDOUT_FILENO) == 1 && getenv("TERM").map { strcmp($0, "dumb") != 0 } ?? false
    isColoured = isTerminal && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
    size = Self.currentSize()
    isLive = isTerminal && !isPlain && size.rows > lineCount && size.columns >= View.columnsMin
  }

  var columns: Int { Self.currentSize().columns }

  private static func currentSize() -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Draws over what was drawn last, in one write, so that nothing flickers.
  func draw(_ lines: [StyledLine]) {
    let size = Self.currentSize()
    var text = ""
    if drawn == 0 {
      text = "\u{1b}[?25l"
    } else if size != self.size {
      // Lines may have been wrapped: begin on an empty screen.
      text = "\u{1b}[H\u{1b}[2J"
    } else {
      text = "\r\u{1b}[\(drawn)A"
    }
    self.size = size
    let shown = lines.prefix(max(1, size.rows - 1))
    for line in shown {
      text += line.rendered(columns: size.columns, isColoured: isColoured) + "\u{1b}[K\n"
    }
    drawn = shown.count
    put(text)
  }

  /// Leaves the last view standing and gives the cursor back.
  func leave() {
    guard drawn > 0 else { return }
    drawn = 0
    put("\r\u{1b}[K\u{1b}[?25h")
  }

  func print(_ line: StyledLine) {
    put(line.rendered(columns: .max, isColoured: isColoured) + "\n")
  }

  func print(_ text: String) { put(text + "\n") }

  private func put(_ text: String) {
    if !writeAll(text, to: STDOUT_FILENO) { isGone = true }
  }
}
