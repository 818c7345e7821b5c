internal import CUV

/// Has the kernel send this process `signal` when its parent ends, however that happens; also after
/// an `exec`. False if it can't.
package func endWithParent(_ signal: Int32) -> Bool { forebay_signal_at_parents_end(signal) == 0 }
