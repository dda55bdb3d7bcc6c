// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Requests of user space on any device's file, as words that the host has put together: this side knows nothing of what
 * they mean. What they do to buffers and to a device's translations is told by the tracepoints of the core and of the
 * IOMMU layer. For the kernel that has the iommufd pair.
 */
#include "conformance.h"

#if IS_ENABLED(CONFIG_IOMMUFD_TEST)
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/tracepoint.h>
#include "compat.h"
#include "requests.h"

#define FILES 8
#define REGISTERS 64
#define UNITS 8
#define WORDS 20
#define CHARACTERS 6

static struct file *files[FILES];
/* What requests have answered, for those after them. */
static s64 registers[REGISTERS];
/* Devices that requests have made, as they were attached to a domain. */
static struct device *units[UNITS];
static struct device *attached;

/* Of each buffer that a request made: its descriptor and an attachment of ours that sees where an invalidate ends. */
static struct {
	int number;
	struct dma_buf_attachment *sentinel;
} made[BUFFERS];

/* Attachments of others, by the order of their appearance. */
static struct dma_buf_attachment *others[ATTACHMENTS];

static struct dma_buf *exported_now;
static int descriptor_now;
/* The task whose request makes a buffer. */
static struct actor *exporting;

static int slot_of(struct dma_buf *buf)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++)
		if (buffers[slot].buf == buf && !buffers[slot].released)
			return slot;
	return -1;
}

static void sentinel_told(struct dma_buf_attachment *attach)
{
	record('p', " told %d", slot_of(attach->dmabuf));
}

static const struct dma_buf_attach_ops sentinel_ops = { .allow_peer2peer = true, .move_callback = sentinel_told };

static void file_open(struct actor *actor, const s64 *arg, int count)
{
	char path[CHARACTERS * ARGUMENTS] = "";
	int at;

	if (arg[0] < 0 || arg[0] >= FILES || files[arg[0]] || arg[1] >= (s64)sizeof(path) ||
	    arg[1] > CHARACTERS * (count - 2))
		return skip("file");
	for (at = 0; at < arg[1]; at++)
		path[at] = arg[2 + at / CHARACTERS] >> (8 * (at % CHARACTERS));
	files[arg[0]] = requests_open(path);
	if (IS_ERR(files[arg[0]])) {
		files[arg[0]] = NULL;
		skip("no such file");
	}
}

/* file: given up by a user */
static void file_close(struct actor *actor, const s64 *arg, int count)
{
	struct file *file = arg[0] >= 0 && arg[0] < FILES ? files[arg[0]] : NULL;

	if (!file)
		return skip("file");
	call();
	files[arg[0]] = NULL;
	/* Here and now, as for a user whose close is the last. */
	__fput_sync(file);
	ret(0);
}

static u32 word(s64 given)
{
	return given < 0 ? registers[(-1 - given) % REGISTERS] : given;
}

/* What the request made gets its slot. The sentinel is the first on the list, and told last. */
static void bind(struct actor *actor, int slot, int number)
{
	struct buffer *buffer = &buffers[slot];
	struct reservation *own = &reservations[BUFFERS / 2 + slot];
	struct dma_buf_attachment *sentinel;

	memset(buffer, 0, sizeof(*buffer));
	sentinel = dma_buf_dynamic_attach(exported_now, devices[0], &sentinel_ops, NULL);
	made[slot].sentinel = IS_ERR(sentinel) ? NULL : sentinel;
	made[slot].number = number;
	/* The program's own reference: importers of the module keep the buffer by it. */
	get_dma_buf(exported_now);
	buffer->refs = 1;
	buffer->size = exported_now->size;
	buffer->buf = exported_now;
	own->resv = exported_now->resv;
	own->owner = -1;
	own->acquire = -1;
}

/*
 * file, quiet, command, buffer made or -1, device made or -1, register of the descriptor made or -1, words, the words (below
 * zero: one that a register has), then pairs of a word's place and the register it goes to
 */
static void file_request(struct actor *actor, const s64 *arg, int count)
{
	struct file *file = arg[0] >= 0 && arg[0] < FILES ? files[arg[0]] : NULL;
	int size = arg[6], at;
	u32 words[WORDS];
	long result;

	if (!file || size < 1 || size > WORDS || count < 7 + size || arg[3] >= BUFFERS || arg[4] >= UNITS)
		return skip("file");
	for (at = 0; at < size; at++)
		words[at] = word(arg[7 + at]);
	exported_now = NULL;
	attached = NULL;
	descriptor_now = -1;
	exporting = arg[3] >= 0 ? actor : NULL;
	if (!arg[1])
		call();
	result = request(actor, file, arg[2], words, size * sizeof(words[0]), false);
	exporting = NULL;
	if (result && arg[1])
		return skip("refused");
	for (at = 7 + size; !result && at + 1 < count; at += 2)
		registers[arg[at + 1] % REGISTERS] = words[arg[at] % size];
	if (arg[4] >= 0)
		units[arg[4]] = result ? NULL : attached;
	if (arg[5] >= 0)
		registers[arg[5] % REGISTERS] = descriptor_now;
	if (arg[3] >= 0 && exported_now && descriptor_now >= 0)
		bind(actor, arg[3], descriptor_now);
	if (!arg[1])
		record('r', " %ld %d", result < 0 ? -result : 0, arg[3] >= 0 ? descriptor_now : -1);
}

static void drop_sentinel(int slot)
{
	struct reservation *own = &reservations[BUFFERS / 2 + slot];
	struct dma_buf_attachment *sentinel = made[slot].sentinel;
	struct dma_resv *resv = own->resv;

	if (!sentinel)
		return;
	made[slot].sentinel = NULL;
	/* Nobody's lock meanwhile. */
	own->resv = NULL;
	dma_buf_detach(sentinel->dmabuf, sentinel);
	own->resv = resv;
}

/* buffer: its descriptor. Without one nobody can revoke it any more. */
static void number_close(struct actor *actor, const s64 *arg, int count)
{
	struct buffer *buffer = buffer_at(arg[0]);

	if (!buffer || made[arg[0]].number < 0)
		return skip("descriptor");
	drop_sentinel(arg[0]);
	call();
	ret(-close_fd(made[arg[0]].number));
	made[arg[0]].number = -1;
}

/* device, then addresses: where each leads. For the history alone. */
static void unit_probe(struct actor *actor, const s64 *arg, int count)
{
	struct device *unit = arg[0] >= 0 && arg[0] < UNITS ? units[arg[0]] : NULL;
	struct iommu_domain *domain = unit ? iommu_get_domain_for_dev(unit) : NULL;
	int at;

	record_begin('p');
	record_more(" seen %lld", arg[0]);
	for (at = 1; at < count; at++)
		record_more(" %llu", domain ? (u64)iommu_iova_to_phys(domain, arg[at]) : 0);
	record_end();
}

/* device: it is about to go */
static void unit_forget(struct actor *actor, const s64 *arg, int count)
{
	if (arg[0] >= 0 && arg[0] < UNITS)
		units[arg[0]] = NULL;
}

const struct operation file_operations[] = {
	{ "file:open", 2, file_open },
	{ "file:close", 1, file_close },
	{ "file:request", 7, file_request },
	{ "number:close", 1, number_close },
	{ "unit:probe", 1, unit_probe },
	{ "unit:forget", 1, unit_forget },
	{ }
};

static void on_export(void *data, struct dma_buf *buf)
{
	if (exporting && exporting == this_actor())
		exported_now = buf;
}

static void on_fd(void *data, struct dma_buf *buf, int fd)
{
	if (buf == exported_now)
		descriptor_now = fd;
}

static int other_of(struct dma_buf_attachment *attach, bool appears)
{
	int at;

	for (at = 0; at < ATTACHMENTS; at++)
		if (others[at] == attach)
			return at;
	for (at = 0; appears && at < ATTACHMENTS; at++)
		if (!others[at]) {
			others[at] = attach;
			return at;
		}
	return -1;
}

static bool is_ours(struct dma_buf_attachment *attach)
{
	int at;

	for (at = 0; at < DEVICES; at++)
		if (attach->dev == devices[at])
			return true;
	return false;
}

static void on_attach(void *data, struct dma_buf *buf, struct dma_buf_attachment *attach, bool is_dynamic,
		      struct device *dev)
{
	int slot = slot_of(buf);

	if (slot >= 0 && !is_ours(attach))
		record('p', " attach %d %d %d %d", other_of(attach, true), slot, is_dynamic, attach->peer2peer);
}

static void on_detach(void *data, struct dma_buf *buf, struct dma_buf_attachment *attach, bool is_dynamic,
		      struct device *dev)
{
	int slot = slot_of(buf), id;

	if (slot < 0 || is_ours(attach))
		return;
	id = other_of(attach, true);
	record('p', " detach %d %d", id, slot);
	others[id] = NULL;
}

/* Bytes of an importer's object in which its lock is. */
#define NEAR 512

/* An importer of others takes the lock inside its own object: the one sign there is of its callback. */
static void on_acquire(void *data, struct lockdep_map *map, unsigned int subclass, int trylock, int read, int check,
		       struct lockdep_map *next, unsigned long ip)
{
	unsigned long lock = (unsigned long)map, from, best = 0;
	int at, found = -1;

	if (!running)
		return;
	for (at = 0; at < ATTACHMENTS; at++) {
		from = others[at] ? (unsigned long)others[at]->importer_priv : 0;
		if (from > best && from <= lock && lock - from < NEAR) {
			best = from;
			found = at;
		}
	}
	if (found >= 0)
		record('p', " guard %d", found);
}

static void on_get(void *data, struct dma_buf *buf, int fd)
{
	int slot = slot_of(buf);

	if (slot >= 0)
		record('p', " get %d", slot);
}

static void on_put(void *data, struct dma_buf *buf)
{
	int slot = slot_of(buf);

	if (slot >= 0)
		record('p', " put %d", slot);
}

static void on_unit_attached(void *data, struct device *dev)
{
	attached = dev;
}

static void on_translate(void *data, unsigned long address, phys_addr_t physical, size_t size)
{
	record('p', " on %lu %llu %zu", address, (u64)physical, size);
}

static void on_untranslate(void *data, unsigned long address, size_t size, size_t unmapped)
{
	record('p', " off %lu %zu %zu", address, size, unmapped);
}

/* A buffer that is gone: its memory was given back just before. */
static void on_kfree(void *data, unsigned long call_site, const void *object)
{
	int slot;

	for (slot = 0; slot < BUFFERS; slot++) {
		if (!object || buffers[slot].buf != object || buffers[slot].released)
			continue;
		buffers[slot].released = true;
		reservations[BUFFERS / 2 + slot].resv = NULL;
		record('p', " released %d", slot);
	}
}

struct listener {
	const char *name;
	void *function;
	struct tracepoint *point;
};

static struct listener listeners[] = {
	{ "dma_buf_export", on_export },
	{ "dma_buf_fd", on_fd },
	{ "dma_buf_get", on_get },
	{ "dma_buf_put", on_put },
	{ "dma_buf_dynamic_attach", on_attach },
	{ "dma_buf_detach", on_detach },
	{ "lock_acquire", on_acquire },
	{ "attach_device_to_domain", on_unit_attached },
	{ "map", on_translate },
	{ "unmap", on_untranslate },
	{ "kfree", on_kfree },
};

static void find(struct tracepoint *point, void *data)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(listeners); at++)
		if (!strcmp(point->name, listeners[at].name))
			listeners[at].point = point;
}

int file_requests_init(void)
{
	int at;

	for_each_kernel_tracepoint(find, NULL);
	for (at = 0; at < ARRAY_SIZE(listeners); at++)
		if (!listeners[at].point ||
		    tracepoint_probe_register(listeners[at].point, listeners[at].function, NULL)) {
			pr_err("no tracepoint %s\n", listeners[at].name);
			listeners[at].point = NULL;
			return -ENOENT;
		}
	for (at = 0; at < BUFFERS; at++)
		made[at].number = -1;
	return 0;
}

void file_requests_exit(void)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(listeners); at++)
		if (listeners[at].point)
			tracepoint_probe_unregister(listeners[at].point, listeners[at].function, NULL);
}

/* What the program left, its own attachments being gone. In a thread of a task; nothing of it is recorded. */
void file_requests_clear(void)
{
	int at;

	for (at = 0; at < BUFFERS; at++) {
		if (made[at].number < 0)
			continue;
		drop_sentinel(at);
		close_fd(made[at].number);
		made[at].number = -1;
	}
	for (at = 0; at < FILES; at++)
		if (files[at])
			fput(files[at]);
	memset(files, 0, sizeof(files));
	memset(registers, 0, sizeof(registers));
	memset(units, 0, sizeof(units));
	memset(others, 0, sizeof(others));
}
#else
const struct operation file_operations[] = { {} };

int file_requests_init(void)
{
	return 0;
}

void file_requests_exit(void)
{
}

void file_requests_clear(void)
{
}
#endif
