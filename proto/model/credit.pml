/* Two clients, one buffer: credit, reclaim, zero-window probe, disconnect (WIRE.md, chapter 7).
 *
 * Client 0 does whatever clients do: it sends, idles with credit, leaves and comes back. Client 1 only
 * wants its messages through.
 *
 * One quantity stands for both, in units of r. The parts of the daemon are processes of their own, so
 * that spin's weak fairness says what a loop turn promises: whatever can be done is done some day.
 * Checked: nothing overflows, an honest client never exceeds its limit, nobody waits for ever.
 *
 * Each of these weakens one rule, and the check must then fail:
 *   NO_READVERTISE  BLOCKED isn't answered with the current WINDOW             (W-7.4.2)
 *   ONE_SIDED       credit is taken back without waiting for RECLAIMED         (W-7.5)
 *   NO_RECLAIM      idle credit stays where it is                              (W-7.2.4)
 *   LEAK            a disconnect doesn't return unused credit                  (W-7.2.4)
 */

#ifndef B
#define B 2       /* the buffer */
#endif
#ifndef W
#define W 2       /* a client's largest window */
#endif
#ifndef N
#define N 2       /* messages that a client has to send at most */
#endif
#ifndef LOSSES
#define LOSSES 1  /* WINDOW frames that get lost, by a bug on either side */
#endif
#ifndef EARLY
#define EARLY 1   /* reclaims that hit a client which is about to send */
#endif
#ifndef CUTS
#define CUTS 1    /* disconnects of client 0 */
#endif

mtype = { DATA, BLOCKED, RECLAIMED, EOF, WINDOW, RECLAIM };

chan up[2] = [2] of { mtype };
chan down[2] = [2] of { mtype, byte };

/* What the daemon counts for each client. */
typedef Account {
  byte limit, received;  /* L and R */
  byte lowered;          /* L' of a reclaim that is out */
  bool connected, reclaiming, owesWindow, owesReclaim
}
Account a[2];
byte held;
byte line[2], waiting;   /* who waits, first come, first served */

byte left[2] = N;        /* what each client still wants to send */
byte losses = LOSSES, early = EARLY;
byte leaked;

#define open(i) (a[i].limit - a[i].received)
#define free (B - held - leaked - open(0) - open(1))
#define waits(i) ((waiting > 0 && line[0] == i) || (waiting > 1 && line[1] == i))

inline join(i) {
  if
  :: a[i].connected && open(i) == 0 && !waits(i) -> line[waiting] = i; waiting++
  :: else
  fi
}

inline leave(i) {
  if
  :: waits(i) ->
    if
    :: line[0] == i -> line[0] = line[1]
    :: else
    fi;
    waiting--;
    line[waiting] = 0
  :: else
  fi
}

inline bounded() { assert(held + leaked + open(0) + open(1) <= B) }

/* The daemon's side of a connection: takes what the client sent, and writes what it is owed. RECLAIM
 * goes before WINDOW, and at most one of each is pending. */
proctype Connection(byte i) {
end:
  do
  :: atomic { up[i]?DATA ->
      /* An honest client is never over its limit. */
      assert(a[i].received < a[i].limit);
      a[i].received++;
      held++;
      bounded();
      join(i)
    }
  :: atomic { up[i]?BLOCKED ->
      join(i);
#ifndef NO_READVERTISE
      a[i].owesWindow = true
#endif
    }
  :: atomic { up[i]?RECLAIMED ->
      assert(a[i].reclaiming);
      a[i].reclaiming = false;
#ifndef ONE_SIDED
      a[i].limit = (a[i].lowered > a[i].received -> a[i].lowered : a[i].received);
#endif
      a[i].lowered = 0;
      a[i].owesWindow = true
    }
  :: atomic { up[i]?EOF ->
      leave(i);
#ifdef LEAK
      leaked = leaked + open(i);
#endif
      a[i].limit = 0; a[i].received = 0; a[i].lowered = 0;
      a[i].reclaiming = false; a[i].owesWindow = false; a[i].owesReclaim = false;
      a[i].connected = false
    }
  :: atomic { a[i].owesReclaim && nfull(down[i]) ->
      a[i].owesReclaim = false;
      down[i]!RECLAIM(a[i].lowered)
    }
  :: atomic { a[i].owesWindow && !a[i].owesReclaim && nfull(down[i]) ->
      a[i].owesWindow = false;
      if
      :: losses > 0 -> losses--
      :: true ->
        down[i]!WINDOW((a[i].reclaiming -> a[i].lowered : a[i].limit))
      fi;
    }
  od
}

#define grows(i) (waiting == 0 && free > 0 && a[i].connected && !a[i].reclaiming && left[i] > 0 \
  && open(i) > 0 && open(i) < W)

/* Idle is who will send nothing more; a few times one is asked that was about to send, so that RECLAIM
 * and DATA cross. */
#define isIdle(i) (waiting > 0 && free == 0 && a[i].connected && open(i) > 0 && !waits(i) \
  && !a[i].reclaiming && (left[i] == 0 || early > 0))

inline give(i) {
  a[i].limit++;
  a[i].owesWindow = true;
  bounded()
}

inline reclaim(i) {
  if
  :: left[i] > 0 -> early--
  :: else
  fi;
  a[i].reclaiming = true;
  a[i].owesReclaim = true;
  a[i].lowered = a[i].received;
#ifdef ONE_SIDED
  a[i].limit = a[i].received
#endif
}

/* Grants to who waits, first come, first served; to others only while nobody waits. Asks for unused
 * credit while somebody waits and nothing is free. */
proctype Granter() {
  byte first;
end:
  do
  :: atomic { waiting > 0 && free > 0 && !a[line[0]].reclaiming ->
      first = line[0];
      leave(first);
      give(first);
      first = 0
    }
  :: atomic { grows(0) -> give(0) }
  :: atomic { grows(1) -> give(1) }
#ifndef NO_RECLAIM
  :: atomic { isIdle(0) -> reclaim(0) }
  :: atomic { isIdle(1) -> reclaim(1) }
#endif
  od
}

/* The upstream takes what is held, one by one, at its own speed. */
proctype Upstream() {
end:
  do
  :: atomic { held > 0 -> held-- }
  od
}

/* An application with its shim. */
proctype Client(byte i) {
  byte limit, sent, value;
  byte cuts = (i == 0 -> CUTS : 0);
  a[i].connected = true;
  up[i]!BLOCKED;
end:
  do
  :: atomic { left[i] > 0 && sent < limit && nfull(up[i]) -> up[i]!DATA; sent++; left[i]-- }
  /* The timer of a shut client is slow: whatever was under way has arrived. */
  :: atomic { left[i] > 0 && sent >= limit && empty(up[i]) && empty(down[i]) &&
        !a[i].owesWindow && !a[i].owesReclaim -> up[i]!BLOCKED }
  /* It may lose interest while it has credit. */
  :: atomic { i == 0 && left[i] > 0 && sent < limit -> left[i] = 0 }
  :: atomic { down[i]?WINDOW(value) ->
      limit = (value > limit -> value : limit);
      value = 0
    }
  :: atomic { down[i]?RECLAIM(value) ->
      limit = (value > sent -> value : (sent < limit -> sent : limit));
      value = 0;
      up[i]!RECLAIMED
    }
  :: atomic { cuts > 0 && nfull(up[i]) -> cuts--; up[i]!EOF };
    atomic { !a[i].connected && empty(up[i]) ->
      do
      :: nempty(down[i]) -> down[i]?_, _
      :: empty(down[i]) -> break
      od;
      limit = 0; sent = 0;
      a[i].connected = true;
      up[i]!BLOCKED
    }
  od
}

init {
  atomic {
    run Connection(0); run Connection(1); run Granter(); run Upstream(); run Client(0); run Client(1)
  }
}

/* Everybody gets everything through, and the space returns. */
ltl served { <>[] (left[0] == 0 && left[1] == 0 && held == 0) }
