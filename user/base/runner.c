// SPDX-License-Identifier: BSD-2-Clause
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_MS 1000ULL

struct job {
	struct runner *runner;
	pid_t pid; /* 0: the slot is free */
	int64_t id;
	bool killed;
	sd_event_source *child, *timer;
};

struct runner {
	struct runner_options options;
	struct runner_stats stats;
	struct log_limit limit;
	struct job jobs[RUNNER_SLOTS_MAX];
};

/* runner_new - no slot is used yet */
int runner_new(const struct runner_options *options, struct runner **ret_runner, struct error *e)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	if (!runner)
		return error_set(e, -ENOMEM, "%s: out of memory", options->what);
	runner->options = *options;
	if (runner->options.slots > RUNNER_SLOTS_MAX)
		runner->options.slots = RUNNER_SLOTS_MAX;
	*ret_runner = runner;
	return 0;
}

/* end_job - the slot is free again */
static void end_job(struct job *job)
{
	job->child = sd_event_source_disable_unref(job->child);
	job->timer = sd_event_source_disable_unref(job->timer);
	if (job->pid)
		job->runner->stats.running--;
	job->pid = 0;
}

/* runner_free - NULL is allowed; programs that run are nobody's business any more */
void runner_free(struct runner *runner)
{
	if (!runner)
		return;
	for (unsigned int i = 0; i < RUNNER_SLOTS_MAX; i++)
		end_job(&runner->jobs[i]);
	free(runner);
}

/* runner_stats - since runner_new() */
const struct runner_stats *runner_stats(const struct runner *runner)
{
	return &runner->stats;
}

/* free_job - a slot, or NULL */
static struct job *free_job(struct runner *runner)
{
	for (unsigned int i = 0; i < runner->options.slots; i++)
		if (!runner->jobs[i].pid)
			return &runner->jobs[i];
	return NULL;
}

/* runner_room - a slot is free */
bool runner_room(const struct runner *runner)
{
	return runner->stats.running < runner->options.slots;
}

/* judge - how it ended, counted and told */
static enum runner_result judge(struct job *job, const siginfo_t *info)
{
	struct runner *runner = job->runner;

	if (job->killed) {
		runner->stats.killed++;
		log_limited(&runner->limit, "%s: took longer than %llu s and was killed",
			    runner->options.what,
			    (unsigned long long)runner->options.limit_ms / 1000);
		return RUNNER_KILLED;
	}
	if (info->si_code == CLD_EXITED && !info->si_status)
		return RUNNER_DONE;
	runner->stats.failed++;
	log_limited(&runner->limit, "%s: ended with %s %d", runner->options.what,
		    info->si_code == CLD_EXITED ? "exit status" : "signal", info->si_status);
	return RUNNER_FAILED;
}

/* on_child - sd-event has reaped it */
static int on_child(sd_event_source *source, const siginfo_t *info, void *arg)
{
	struct job *job = arg;
	struct runner *runner = job->runner;
	enum runner_result result = judge(job, info);
	int64_t id = job->id;

	(void)source;
	end_job(job);
	if (runner->options.done)
		runner->options.done(runner->options.arg, id, result);
	return 0;
}

/* on_limit - with all that it has started and that stayed in its group */
static int on_limit(sd_event_source *source, uint64_t usec, void *arg)
{
	struct job *job = arg;

	(void)source;
	(void)usec;
	job->killed = true;
	kill(-job->pid, SIGKILL);
	return 0;
}

/* input_fd - the whole input in a file that nobody else sees */
static int input_fd(const char *input, size_t bytes)
{
	int fd = memfd_create("buildgate-input", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	while (fd >= 0 && done < bytes) {
		n = write(fd, input + done, bytes - done);
		if (n < 0) {
			int rc = -errno;

			close(fd);
			return rc;
		}
		done += (size_t)n;
	}
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return fd;
}

/* set_attributes - signals as a program expects them, a process group of its own */
static void set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setpgroup(attr, 0);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETPGROUP);
}

/* spawn - no shell, and no descriptor of ours: they are all close-on-exec */
static int spawn(const char *const *argv, int input, pid_t *ret_pid)
{
	char *const environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
				      "/sbin:/bin",
				      "LANG=C.UTF-8", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	set_attributes(&attr);
	rc = posix_spawn(ret_pid, argv[0], &actions, &attr, (char *const *)argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

/* watch - its end, and the end of its time */
static int watch(struct runner *runner, struct job *job)
{
	sd_event *event = runner->options.event;
	int rc = sd_event_add_child(event, &job->child, job->pid, WEXITED, on_child, job);

	if (rc >= 0)
		rc = sd_event_add_time_relative(event, &job->timer, CLOCK_MONOTONIC,
						runner->options.limit_ms * USEC_PER_MS, 1, on_limit,
						job);
	return rc < 0 ? rc : 0;
}

/* runner_start - what cannot be watched may not run: its time would have no end */
int runner_start(struct runner *runner, const char *const *argv, const char *input, size_t bytes,
		 int64_t id)
{
	struct job *job = free_job(runner);
	pid_t pid = 0;
	int fd, rc;

	if (!job)
		return -EAGAIN;
	fd = input_fd(input, bytes);
	rc = fd < 0 ? fd : spawn(argv, fd, &pid);
	if (fd >= 0)
		close(fd);
	if (!rc) {
		*job = (struct job) { .runner = runner, .pid = pid, .id = id };
		runner->stats.running++;
		rc = watch(runner, job);
		if (rc) {
			kill(-pid, SIGKILL);
			waitpid(pid, NULL, 0);
			end_job(job);
		}
	}
	if (rc) {
		runner->stats.failed++;
		log_limited(&runner->limit, "%s: cannot run %s: %s", runner->options.what, argv[0],
			    strerror(-rc));
		return rc == -EAGAIN ? -ENOMEM : rc;
	}
	runner->stats.started++;
	return 0;
}
