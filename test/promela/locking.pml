/*
 * Twin of spec/scopes/locking.ts, written apart from it: one process a task, one d_step a transition.
 * tools/spin.mjs compares the counts. Loops are over `hidden` variables, which are no part of the state.
 */
#ifndef TASKS
#define TASKS 3
#endif
#ifndef LOCKS
#define LOCKS 2
#endif

byte context[TASKS];        /* 0 none, 1 takes locks, 2 done */
byte age[TASKS];            /* 1 the oldest context */
byte contended[TASKS];      /* 1 + lock */
byte waits[TASKS];          /* 1 + lock */
bit interruptible[TASKS];
byte place[TASKS];          /* in the queue, from 1 */
byte owner[LOCKS];          /* 1 + task */
bit incontext[LOCKS];

hidden byte i, at, old, next;

#define OWNS(t, r, how) (owner[r] == t + 1 && incontext[r] == how)
#if LOCKS == 3
#define HELD(t, how) (OWNS(t, 0, how) + OWNS(t, 1, how) + OWNS(t, 2, how))
#else
#define HELD(t, how) (OWNS(t, 0, how) + OWNS(t, 1, how))
#endif

#define WAITSOLDER(o, t, r) (waits[o] == r + 1 && context[o] != 0 && age[o] < age[t])
#if TASKS == 3
#define OLDERWAITS(t, r) (WAITSOLDER(0, t, r) || WAITSOLDER(1, t, r) || WAITSOLDER(2, t, r))
#else
#define OLDERWAITS(t, r) (WAITSOLDER(0, t, r) || WAITSOLDER(1, t, r))
#endif
#define DIES(t, r) (context[t] != 0 && HELD(t, 1) > 0 && \
  ((incontext[r] && age[owner[r] - 1] < age[t]) || OLDERWAITS(t, r)))

/* After a deadlock only the contended lock, and that with nothing in hand. */
#define BACKEDOFF(t, r) (contended[t] == r + 1 && HELD(t, 1) == 0)
#define WITHCONTEXT(t, r) (context[t] != 0 && HELD(t, 0) == 0 && (context[t] == 1 || OWNS(t, r, 1)))
#define MAYLOCK(t, r) (waits[t] == 0 && ((context[t] == 0 && HELD(t, 0) == 0) || \
  (WITHCONTEXT(t, r) && (contended[t] == 0 || BACKEDOFF(t, r)))))
#define MAYLOCKSLOW(t, r) (waits[t] == 0 && WITHCONTEXT(t, r) && BACKEDOFF(t, r))

inline closeup(r) {
  for (i : 0 .. TASKS - 1) {
    if
    :: waits[i] == r + 1 && place[i] > old -> place[i]--
    :: else
    fi
  }
}

inline leave(t) {
  old = place[t];
  next = waits[t] - 1;
  waits[t] = 0;
  interruptible[t] = 0;
  place[t] = 0;
  closeup(next)
}

inline kill(victim, r) {
  contended[victim] = r + 1;
  waits[victim] = 0;
  interruptible[victim] = 0;
  old = place[victim];
  place[victim] = 0
}

/* Contexts stand by age: before the first younger one. Who has none goes to the end. */
inline queue(t, r, ends) {
  at = 1;
  for (i : 0 .. TASKS - 1) {
    if
    :: waits[i] == r + 1 -> at++
    :: else
    fi
  }
  for (i : 0 .. TASKS - 1) {
    if
    :: context[t] != 0 && waits[i] == r + 1 && context[i] != 0 && age[i] > age[t] && place[i] < at -> at = place[i]
    :: else
    fi
  }
  for (i : 0 .. TASKS - 1) {
    if
    :: waits[i] == r + 1 && place[i] >= at -> place[i]++
    :: else
    fi
  }
  waits[t] = r + 1;
  place[t] = at;
  interruptible[t] = ends;
  /* At most one younger waiter holds another lock: a second would have died behind the first. */
  old = 0;
  for (i : 0 .. TASKS - 1) {
    if
    :: old == 0 && context[t] != 0 && i != t && waits[i] == r + 1 && context[i] != 0 && age[i] > age[t] &&
       HELD(i, 1) > 0 -> kill(i, r)
    :: else
    fi
  }
  if
  :: old != 0 -> closeup(r)
  :: else
  fi
}

inline request(t, r, ends) {
  if
  :: owner[r] == 0 -> owner[r] = t + 1; incontext[r] = (context[t] != 0); contended[t] = 0
  :: else ->
    if
    :: OWNS(t, r, 1)
    :: else ->
      if
      :: DIES(t, r) -> contended[t] = r + 1
      :: else -> queue(t, r, ends)
      fi
    fi
  fi
}

inline release(r) {
  next = 255;
  for (i : 0 .. TASKS - 1) {
    if
    :: waits[i] == r + 1 && place[i] == 1 -> next = i
    :: else
    fi
  }
  if
  :: next == 255 -> owner[r] = 0; incontext[r] = 0
  :: else ->
    waits[next] = 0;
    interruptible[next] = 0;
    place[next] = 0;
    contended[next] = 0;
    owner[r] = next + 1;
    incontext[r] = (context[next] != 0);
    old = 1;
    closeup(r)
  fi
}

inline begin(t) {
  at = 1;
  for (i : 0 .. TASKS - 1) {
    if
    :: context[i] != 0 -> at++
    :: else
    fi
  }
  context[t] = 1;
  age[t] = at
}

inline fini(t) {
  old = age[t];
  context[t] = 0;
  age[t] = 0;
  contended[t] = 0;
  for (i : 0 .. TASKS - 1) {
    if
    :: age[i] > old -> age[i]--
    :: else
    fi
  }
}

#define ONLOCK(r) \
  :: d_step { MAYLOCK(_pid, r) -> request(_pid, r, 0); i = 0 } \
  :: d_step { MAYLOCK(_pid, r) -> request(_pid, r, 1); i = 0 } \
  :: d_step { MAYLOCKSLOW(_pid, r) -> request(_pid, r, 0); i = 0 } \
  :: d_step { MAYLOCKSLOW(_pid, r) -> request(_pid, r, 1); i = 0 } \
  :: d_step { waits[_pid] == 0 && owner[r] == 0 -> owner[r] = _pid + 1 } \
  :: d_step { waits[_pid] == 0 && owner[r] != 0 -> skip } \
  :: d_step { waits[_pid] == 0 && owner[r] == _pid + 1 -> release(r); i = 0 }

active [TASKS] proctype task() {
end:
  do
  :: d_step { waits[_pid] == 0 && context[_pid] == 0 && HELD(_pid, 0) == 0 -> begin(_pid); i = 0 }
  :: d_step { waits[_pid] == 0 && context[_pid] == 1 && contended[_pid] == 0 -> context[_pid] = 2 }
  :: d_step { waits[_pid] == 0 && context[_pid] != 0 && HELD(_pid, 1) == 0 -> fini(_pid); i = 0 }
  :: d_step { interruptible[_pid] -> leave(_pid); i = 0 }
  ONLOCK(0)
  ONLOCK(1)
#if LOCKS == 3
  ONLOCK(2)
#endif
  od
}
