/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Runs programs of the conformance suite inside the kernel and writes down what happened.
 *
 * A program is a list of lines of numbers; see main.c for the format. Objects are named by slot numbers that the
 * host hands out. Everything that happens becomes one line of the history; see record.c.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <linux/dma-buf.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/version.h>

#define SINCE(major, minor) (LINUX_VERSION_CODE >= KERNEL_VERSION(major, minor, 0))

#define ACTORS 8
#define RESERVATIONS 16
#define ACQUIRES 64
#define TIMELINES 72
/* Slots below are handed out by the host, the rest to fences that the core makes. */
#define NAMED_FENCES 384
#define FENCES 512
#define CALLBACKS 128
#define SECTIONS 64
#define BUFFERS 16
#define ATTACHMENTS 96
#define MAPPINGS 192
#define DESCRIPTORS 64
#define SYNC_FILES 128
#define ARGUMENTS 32

/* One operation to be carried out. */
struct order {
	int step;
	int flags;
	int op;
	int count;
	s64 arg[ARGUMENTS];
};

#define ORDERS 256

/* A task of the program: a kernel thread of its own. */
struct actor {
	int id;
	struct task_struct *task;
	bool busy;
	bool blocked;
	/* The step under way. */
	int step;
	/* What is to be done: the order under way and those after it. */
	struct order *orders;
	int first, last;
	/* What it would wait for, as the tracepoints told. */
	struct dma_fence *waits;
	struct reservation *asked;
	/* A lock operation of the program is under way on this one: it records for itself. */
	struct reservation *explicit;
	/* The fence of a sync file that is being imported. */
	struct dma_fence *imports;
	int import_usage;
	bool slept;
	/* In whose name it locks: 0 the program's, 2 that of the exporter of the step's buffer. */
	int name;
	/* It is in a hook of an exporter that the kernel itself has: what is locked there is that exporter's. */
	bool foreign;
	/* One more than the buffer whose unmaps it waits for, 0 for none. */
	int unmaps;
	/* It sleeps in poll. */
	bool polls;
	/* What it is mapping for a user: the view, and for a driver the buffer, and the page it begins with. */
	int view;
	struct dma_buf *maps;
	unsigned long map_offset;
	unsigned long map_start;
	/* It looks at the user's memory for the history alone. */
	bool quiet;
	/* The step is meant to be wrong: it is carried out whoever holds what. */
	bool misuse;
};

#define STEP_INTERRUPTED 1
/* The next step is of the same task and follows without anybody else going on in between. */
#define STEP_MORE 2
#define STEP_MISUSE 4

/* Faults of our own exporter and importer that a program can ask for: what the rules have to notice. */
enum fault {
	NO_FAULT,
	UNALIGNED_ADDRESS,
	SHORT_TABLE,
	SAME_ADDRESS,
	KEPT_TRANSLATION,
	FAILED_MAP_LEFT,
	NO_DIRECTION_MAPPED,
	FREED_EARLY,
	OTHER_DIRECTION,
	PUT_IN_CALLBACK,
};

struct reservation {
	struct dma_resv *resv;
	struct dma_resv own;
	/* Who holds it as the program knows: actor id, -1 for nobody. */
	int owner;
	int acquire;
};

struct acquire {
	struct ww_acquire_ctx ctx;
	bool live;
	int actor;
};

struct fence_slot {
	struct dma_fence *fence;
	/* References that the program holds. */
	int refs;
	bool done;
	bool released;
};

struct callback {
	struct dma_fence_cb cb;
	struct dma_fence *fence;
	bool pending;
	bool used;
};

struct section {
	bool open;
	bool cookie;
};

/* tasks.c, batch.c */
extern struct actor actors[ACTORS];
extern int driver_step;
extern bool running;
extern enum fault fault;
struct actor *this_actor(void);
u64 timeline(int number);

/* record.c */
void record(char kind, const char *format, ...) __printf(2, 3);
void record_for(struct actor *actor, char kind, const char *format, ...) __printf(3, 4);
void record_text(char kind, const char *text, size_t length);
/* For lists: begins, goes on, ends one line. */
void record_begin(char kind);
void record_more(const char *format, ...) __printf(1, 2);
void record_end(void);
int record_init(void);
void record_exit(void);
void record_reset(void);
void record_line(const char *format, ...) __printf(1, 2);
size_t record_take(char __user *to, size_t count, loff_t *from);
void record_dump(void);
void record_stamp(int fence, s64 time);

/* trace.c */
int probes_init(void);
void probes_exit(void);
void trace_stamp(void);
extern unsigned int warnings;

/* An operation: what the host calls it, how many numbers it takes at least, what it does. */
struct operation {
	const char *name;
	int arguments;
	void (*run)(struct actor *actor, const s64 *arg, int count);
};

extern const struct operation reservation_operations[];
extern const struct operation reservation_list_operations[];
extern const struct operation own_fence_operations[];
extern const struct operation fence_operations[];
extern const struct operation fence_wait_operations[];
extern const struct operation container_operations[];
extern const struct operation buffer_operations[];
extern const struct operation importer_operations[];
extern const struct operation moving_operations[];
extern const struct operation view_operations[];
extern const struct operation request_operations[];
extern const struct operation sync_file_operations[];
extern const struct operation file_operations[];

enum hook {
	HOOK_ENABLE,
	HOOK_SIGNALED,
	HOOK_WAIT,
	HOOK_RELEASE_FENCE,
	HOOK_DEADLINE,
	HOOK_CALLBACK,
	HOOK_ATTACH,
	HOOK_DETACH,
	HOOK_PIN,
	HOOK_UNPIN,
	HOOK_MAP,
	HOOK_UNMAP,
	HOOK_RELEASE,
	HOOK_INVALIDATE,
	HOOK_BEGIN_CPU,
	HOOK_END_CPU,
	HOOK_MMAP,
	HOOK_CPU_FAULT,
	HOOK_VMAP,
	HOOK_VUNMAP,
	HOOK_POLL_WAKE,
	HOOKS,
};
extern const char *const hook_names[];

/* The step cannot be carried out: its objects are not there or the lock is not held. Nothing was called. */
void skip(const char *why);
/* The operation of the step begins, and ends with an errno (0 or positive) and what else it answers. */
void call(void);
void ret(int errno);
long to_timeout(s64 timeout);

/* fences.c */
extern struct fence_slot fences[FENCES];
extern bool forgetful;
int fence_id(struct dma_fence *fence);
int fences_known(void);
int fence_stub(struct dma_fence *fence);
void fence_stub_gone(int id);
int fence_id_or_new(struct dma_fence *fence);
struct dma_fence *fence_at(s64 slot);
void fence_bind(int slot, struct dma_fence *fence);
int fence_answer(int slot, struct dma_fence *fence);
void fences_put_nested(struct dma_fence *fence);
void fences_reset(void);
void fence_waits_reset(void);
bool fences_have(int slot);
void fence_gone(struct dma_fence *fence);
void fences_signal_all(void);
void nested_call(const char *op, int fence);
void nested_ret(void);

/* sw_sync.c */
struct dma_fence *software_fence(struct actor *actor, int slot, u32 seqno);
bool software_signal(struct actor *actor, int slot);
void software_reset(void);
/* fence_waits.c */
bool sections_open(void);

/* reservations.c */
extern struct reservation reservations[RESERVATIONS];
struct reservation *reservation_at(s64 slot);
struct reservation *reservation_of(struct dma_resv *resv);
bool reservation_held(struct actor *actor, struct reservation *held);
bool reservations_held(struct actor *actor);
void reservations_reset(void);
void reservations_unlock_all(struct actor *actor);
int reservation_slot(struct reservation *resv);
void reservation_lock(struct actor *actor, struct reservation *resv);
void reservation_unlock(struct actor *actor, struct reservation *resv);

/* foreign.c */
/* Whether the running thread is in the release of such an exporter. */
bool foreign_releases(void);

/* buffers.c */
void buffers_clear(void);
void exporter_limits(const s64 *limits, int count);
void buffers_reset(void);
void buffers_check_lists(struct dma_resv *resv);
int buffers_init(void);
void buffers_exit(void);

/* files.c */
int file_requests_init(void);
void file_requests_exit(void);
void file_requests_clear(void);

/* requests.c, views.c, sync_files.c */
int requests_prepare(struct file *device);
int views_mmap_device(struct vm_area_struct *vma);
void views_clear(void);
/* The lock of the user's address space, as the lock checker knows it. */
struct lockdep_map *requests_lock(void);
void requests_exit(void);
void sync_files_clear(void);
void sync_files_imported(struct actor *actor, struct reservation *lock);

#endif
