/* The breaker's quota behind a full buffer (ARCHITECTURE.md, "Life of a breaker state").
 *
 * One client keeps a bounded buffer full; the upstream falls ill for a while. Half-open offers a probe
 * for every Q messages that arrive, but behind a zero window none arrives: without the liveness floor
 * breaker and window wait for each other. Checked: no call while open, one probe at a time, closing
 * only after S fresh successes in a row, and in the end closed with the window open again and again.
 *
 * Each of these weakens one rule, and the check must then fail:
 *   NO_FLOOR       probes by quota only
 *   NO_GENERATION  a result of an earlier state counts
 *   ONE_SUCCESS    a single success closes
 *   FREE_AT_SEND   space returns when a message is sent, not when it is settled
 */

#define B 2        /* the buffer */
#define C 2        /* calls that may be out while closed */
#define F 2        /* failures in a row that open */
#define S 2        /* successes in a row that close */
#define Q 3        /* one probe for so many arrivals */
#define ILLNESSES 2

mtype = { CLOSED, OPEN, HALF_OPEN };
mtype state = CLOSED;

typedef Call {
  bool out;
  bool stale;  /* the state has changed since it was sent: what a generation number tells */
  bool probe
}
Call call[C];
byte queued, held;
byte failures, successes, arrivals;
bool floorDue, ill;
byte fresh;  /* ghost: successes in a row of probes of this very half-open state */

#define inFlight (call[0].out + call[1].out)
#define isProbe(c) (c.out * c.probe * (1 - c.stale))
#define probes (isProbe(call[0]) + isProbe(call[1]))

inline moveTo(next) {
  state = next;
  failures = 0; successes = 0; arrivals = 0; fresh = 0;
  floorDue = false;
  call[0].stale = call[0].out;
  call[1].stale = call[1].out
}

/* Fills the buffer whenever its window is open. */
proctype Client() {
end:
  do
  :: atomic { held < B ->
      held++;
      queued++;
      assert(queued <= B && queued + inFlight <= B);
      if
      :: state == HALF_OPEN && arrivals < Q -> arrivals++
      :: else
      fi
    }
  od
}

inline send(slot, asProbe) {
  assert(state != OPEN);
  assert(state == CLOSED || probes == 0);
  queued--;
#ifdef FREE_AT_SEND
  held--;
#endif
  call[slot].out = true;
  call[slot].stale = false;
  call[slot].probe = asProbe
}

proctype Dispatcher() {
  byte slot;
end:
  do
  :: atomic { state == CLOSED && queued > 0 && inFlight < C ->
      slot = (call[0].out -> 1 : 0);
      send(slot, false)
    }
  :: atomic { state == HALF_OPEN && queued > 0 && probes == 0 && inFlight < C &&
        (arrivals >= Q || floorDue) ->
      if
      :: arrivals >= Q -> arrivals = 0
      :: else -> floorDue = false
      fi;
      slot = (call[0].out -> 1 : 0);
      send(slot, true)
    }
  od
}

inline succeeded(slot) {
  if
  :: state == CLOSED -> failures = 0
  :: state == HALF_OPEN ->
    successes++;
    if
    :: !call[slot].stale -> fresh++
    :: else
    fi;
#ifdef ONE_SUCCESS
    moveToClosed()
#else
    if
    :: successes >= S -> moveToClosed()
    :: else
    fi
#endif
  :: else
  fi
}

inline moveToClosed() {
  assert(fresh >= S);
  moveTo(CLOSED)
}

inline failed() {
  if
  :: state == CLOSED ->
    failures++;
    if
    :: failures >= F -> moveTo(OPEN)
    :: else
    fi
  :: state == HALF_OPEN -> moveTo(OPEN)
  :: else
  fi
}

#ifdef NO_GENERATION
#define counts(slot) true
#else
#define counts(slot) (!call[slot].stale)
#endif

/* Answers a call, late or soon, and in any order. */
proctype Upstream(byte slot) {
end:
  do
  :: atomic { call[slot].out ->
      call[slot].out = false;
      if
      :: ill ->
        queued++;
#ifdef FREE_AT_SEND
        held++;
#endif
        assert(queued + inFlight <= B);
        if
        :: counts(slot) -> failed()
        :: else
        fi
      :: else ->
#ifndef FREE_AT_SEND
        held--;
#endif
        if
        :: counts(slot) -> succeeded(slot)
        :: else
        fi
      fi;
      call[slot].stale = false
    }
  od
}

/* The wait of an open breaker, and the floor of a half-open one. */
proctype Timers() {
end:
  do
  :: atomic { state == OPEN -> moveTo(HALF_OPEN) }
#ifndef NO_FLOOR
  :: atomic { state == HALF_OPEN && probes == 0 && !floorDue -> floorDue = true }
#endif
  od
}

/* Ill for a while, and well for good in the end. */
proctype Health() {
  byte illnesses = ILLNESSES;
  do
  :: illnesses > 0 -> ill = true; illnesses--; ill = false
  :: illnesses == 0 -> break
  od
}

init {
  atomic {
    run Client(); run Dispatcher(); run Upstream(0); run Upstream(1); run Timers(); run Health()
  }
}

#define windowOpen (held < B)
ltl reopens { (<>[] (state == CLOSED)) && ([]<> windowOpen) }
