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
#include "compat.h"
#include "files.h"
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

/* Of each buffer that a request made: its descriptor and an attachment of ours that sees where an invalidate ends. */
static struct {
	int number;
	struct dma_buf_attachment *sentinel;
} made[BUFFERS];

/* What the request under way has made, as the tracepoints tell. */
struct made_now made_now;

static void sentinel_told(struct dma_buf_attachment *attach)
{
	record('p', " told %d", foreign_slot(attach->dmabuf));
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
	sentinel = dma_buf_dynamic_attach(made_now.buf, devices[0], &sentinel_ops, NULL);
	made[slot].sentinel = IS_ERR(sentinel) ? NULL : sentinel;
	made[slot].number = number;
	/* The program's own reference: importers of the module keep the buffer by it. */
	get_dma_buf(made_now.buf);
	buffer->refs = 1;
	buffer->size = made_now.buf->size;
	buffer->buf = made_now.buf;
	own->resv = made_now.buf->resv;
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
	made_now = (struct made_now){ .by = actor, .number = -1 };
	if (!arg[1])
		call();
	result = request(actor, file, arg[2], words, size * sizeof(words[0]), false);
	made_now.by = NULL;
	if (result && arg[1])
		return skip("refused");
	for (at = 7 + size; !result && at + 1 < count; at += 2)
		registers[arg[at + 1] % REGISTERS] = words[arg[at] % size];
	if (arg[4] >= 0)
		units[arg[4]] = result ? NULL : made_now.device;
	if (arg[5] >= 0)
		registers[arg[5] % REGISTERS] = made_now.number;
	if (arg[3] >= 0 && made_now.buf && made_now.number >= 0)
		bind(actor, arg[3], made_now.number);
	if (!arg[1])
		record('r', " %ld %d", result < 0 ? -result : 0, arg[3] >= 0 ? made_now.number : -1);
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
	file_traces_reset();
}

int file_requests_init(void)
{
	int at;

	for (at = 0; at < BUFFERS; at++)
		made[at].number = -1;
	return file_traces_init();
}

void file_requests_exit(void)
{
	file_traces_exit();
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
