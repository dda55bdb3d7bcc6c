// SPDX-License-Identifier: MIT
/*
 * The first and only process of a kernel under test. It knows nothing of programs and histories: it loads the module
 * and carries data between files of the host and the module's device, one line of command at a time.
 *
 *   run <in> <out>   writes the file to the device, then the device to the other file; answers "done <bytes>"
 *   read <out>       writes what the device has to the file
 *   quit             ends the machine
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

static int line_fd = -1;

static void say(const char *format, const char *text, long value)
{
	char line[512];
	int length = snprintf(line, sizeof(line), format, text, value);

	if (write(line_fd, line, length) != length)
		_exit(1);
}

static void fail(const char *what)
{
	say("failed %s: %ld\n", what, errno);
}

static char *read_file(const char *path, size_t *size)
{
	struct stat status;
	size_t done = 0;
	char *data;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) || !(data = malloc(status.st_size + 1))) {
		close(fd);
		return NULL;
	}
	while (done < (size_t)status.st_size) {
		ssize_t got = read(fd, data + done, status.st_size - done);

		if (got <= 0)
			break;
		done += got;
	}
	close(fd);
	*size = done;
	return data;
}

static long copy_out(int device, const char *path)
{
	static char buffer[1 << 18];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	long total = 0;
	ssize_t got;

	if (fd < 0)
		return -1;
	lseek(device, 0, SEEK_SET);
	while ((got = read(device, buffer, sizeof(buffer))) > 0) {
		ssize_t put = 0;

		while (put < got) {
			ssize_t wrote = write(fd, buffer + put, got - put);

			if (wrote <= 0) {
				close(fd);
				return -1;
			}
			put += wrote;
		}
		total += got;
	}
	close(fd);
	return total;
}

static void run(int device, const char *in, const char *out)
{
	size_t size = 0;
	char *data = read_file(in, &size);
	long bytes;

	if (!data)
		return fail("read");
	if (write(device, data, size) != (ssize_t)size) {
		free(data);
		return fail("device");
	}
	free(data);
	bytes = copy_out(device, out);
	if (bytes < 0)
		return fail("write");
	say("done%s %ld\n", "", bytes);
}

static int open_line(void)
{
	struct termios raw;
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);

	if (fd >= 0 && !tcgetattr(fd, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	return fd;
}

int main(void)
{
	char command[512], in[200], out[200];
	struct utsname name;
	int module, device;
	FILE *lines;

	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("debug", "/sys/kernel/debug", "debugfs", 0, NULL);
	line_fd = open_line();
	if (line_fd < 0)
		return 1;
	module = open("/conformance.ko", O_RDONLY);
	if (module < 0 || syscall(SYS_finit_module, module, "", 0))
		fail("module");
	device = open("/dev/dmabuf_conformance", O_RDWR);
	if (device < 0)
		fail("device");
	uname(&name);
	say("hello %s %ld\n", name.release, 1);
	lines = fdopen(dup(line_fd), "r");
	while (lines && fgets(command, sizeof(command), lines)) {
		if (sscanf(command, "run %199s %199s", in, out) == 2)
			run(device, in, out);
		else if (sscanf(command, "read %199s", out) == 1)
			say("done%s %ld\n", "", copy_out(device, out));
		else if (!strncmp(command, "quit", 4))
			break;
		else
			say("failed command%s: %ld\n", "", EINVAL);
	}
	reboot(RB_POWER_OFF);
	return 0;
}
