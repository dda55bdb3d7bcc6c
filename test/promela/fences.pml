/*
 * Twin of spec/scopes/fences.ts, written apart from it: one d_step a transition.
 * tools/spin.mjs compares the counts. Loops are over `hidden` variables, which are no part of the state.
 */
#ifndef FENCES
#define FENCES 2
#endif
#ifndef CALLBACKS
#define CALLBACKS 1
#endif
#ifndef WAITERS
#define WAITERS 1
#endif

byte life[FENCES];          /* 0 never made, 1 live, 2 released */
byte owner[FENCES];         /* 0 no hook, 1 enables, 2 finds the work done */
byte refs[FENCES];
bit signaled[FENCES];
bit failed[FENCES];
bit armed[FENCES];
byte on[CALLBACKS];         /* 1 + fence */
bit pending[CALLBACKS];
byte waits[WAITERS];        /* 1 + fence */
bit interruptible[WAITERS];

hidden byte i;

#define OPEN(f) (life[f] == 1 && !signaled[f])
#define OVER(f) (life[f] == 1 && signaled[f])
/* Whoever needs the signal next finds the work done. */
#define FINDS(f) (owner[f] == 2 && !armed[f])

#if WAITERS == 2
#define NOBODYWAITS (waits[0] == 0 && waits[1] == 0)
#else
#define NOBODYWAITS (waits[0] == 0)
#endif
#if CALLBACKS == 2
#define NOTHINGPENDS(f) (!(pending[0] && on[0] == f + 1) && !(pending[1] && on[1] == f + 1))
#else
#define NOTHINGPENDS(f) (!(pending[0] && on[0] == f + 1))
#endif

inline make(f, who) {
  life[f] = 1;
  refs[f] = 1;
  owner[f] = who
}

inline complete(f) {
  signaled[f] = 1;
  for (i : 0 .. CALLBACKS - 1) {
    if
    :: on[i] == f + 1 -> pending[i] = 0
    :: else
    fi
  }
  for (i : 0 .. WAITERS - 1) {
    if
    :: waits[i] == f + 1 -> waits[i] = 0; interruptible[i] = 0
    :: else
    fi
  }
}

inline enable(f) {
  if
  :: FINDS(f) -> armed[f] = 1; complete(f)
  :: !FINDS(f) && owner[f] != 0 -> armed[f] = 1
  :: else
  fi
}

inline drop(f) {
  life[f] = 2;
  refs[f] = 0;
  owner[f] = 0;
  signaled[f] = 0;
  failed[f] = 0;
  armed[f] = 0;
  for (i : 0 .. CALLBACKS - 1) {
    if
    :: on[i] == f + 1 -> on[i] = 0
    :: else
    fi
  }
}

inline add(k, f) {
  on[k] = f + 1;
  if
  :: signaled[f]
  :: !signaled[f] && FINDS(f) -> enable(f)
  :: else -> enable(f); pending[k] = 1
  fi
}

inline wait(w, f, ends) {
  if
  :: signaled[f]
  :: !signaled[f] && FINDS(f) -> enable(f)
  :: else -> enable(f); waits[w] = f + 1; interruptible[w] = ends
  fi
}

#define ONFENCE(f) \
  :: d_step { life[f] != 1 -> make(f, 0); i = 0 } \
  :: d_step { life[f] != 1 -> make(f, 1); i = 0 } \
  :: d_step { life[f] != 1 -> make(f, 2); i = 0 } \
  :: d_step { life[f] == 1 && refs[f] < 2 -> refs[f]++ }              /* fenceGet */ \
  :: d_step { life[f] == 1 && refs[f] < 2 -> refs[f]++ }              /* fenceGetLive */ \
  :: d_step { life[f] == 2 -> skip }                                  /* fenceGetLive, late */ \
  :: d_step { refs[f] > 1 -> refs[f]-- } \
  :: d_step { refs[f] == 1 && NOBODYWAITS && (signaled[f] || NOTHINGPENDS(f)) -> drop(f); i = 0 } \
  :: d_step { OPEN(f) -> failed[f] = 1 } \
  :: d_step { OPEN(f) -> complete(f); i = 0 } \
  :: d_step { OVER(f) -> skip }                                       /* signal, again */ \
  :: d_step { life[f] == 1 -> skip }                                  /* getStatus */ \
  :: d_step { life[f] == 1 -> skip }                                  /* isSignaled */ \
  :: d_step { OVER(f) -> skip }                                       /* timestamp */ \
  :: d_step { OPEN(f) -> enable(f); i = 0 } \
  :: d_step { OVER(f) -> skip }                                       /* enableSignaling, late */ \
  :: d_step { OPEN(f) -> enable(f); i = 0 }                                  /* poll */ \
  :: d_step { OVER(f) -> skip }                                       /* poll, signaled */ \
  :: d_step { life[f] == 1 -> skip }                                  /* waitNegative */

#define ONCALLBACK(k, f) \
  :: d_step { !pending[k] && life[f] == 1 -> add(k, f); i = 0 } \
  :: d_step { on[k] == f + 1 && pending[k] -> pending[k] = 0 } \
  :: d_step { on[k] == f + 1 && !pending[k] -> skip }

#define ONWAITER(w, f) \
  :: d_step { waits[w] == 0 && life[f] == 1 -> wait(w, f, 0); i = 0 } \
  :: d_step { waits[w] == 0 && life[f] == 1 -> wait(w, f, 1); i = 0 }

#define INTERRUPT(w) \
  :: d_step { interruptible[w] -> waits[w] = 0; interruptible[w] = 0 }

active proctype main() {
end:
  do
  :: d_step { true -> skip }                                          /* addCallback to no fence */
  ONFENCE(0)
  ONCALLBACK(0, 0)
  ONWAITER(0, 0)
  INTERRUPT(0)
#if FENCES == 2
  ONFENCE(1)
  ONCALLBACK(0, 1)
  ONWAITER(0, 1)
#endif
#if CALLBACKS == 2
  ONCALLBACK(1, 0)
#if FENCES == 2
  ONCALLBACK(1, 1)
#endif
#endif
#if WAITERS == 2
  INTERRUPT(1)
  ONWAITER(1, 0)
#if FENCES == 2
  ONWAITER(1, 1)
#endif
#endif
  od
}
