// Cuts the power of an ext4 file system: from now on nothing reaches its device, and what had not is gone at the next mount (fs/ext4/ioctl.c: EXT4_IOC_SHUTDOWN).
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

// include/uapi/linux/ext4.h, Linux 6.5 and newer: also what is in the log and not yet on the device is lost.
#define SHUTDOWN _IOR('X', 125, uint32_t)
#define NO_LOG_FLUSH 2

int main(int count, char **arguments) {
  uint32_t how = NO_LOG_FLUSH;
  const int folder = count == 2 ? open(arguments[1], O_RDONLY | O_CLOEXEC) : -1;
  if (folder < 0 || ioctl(folder, SHUTDOWN, &how) != 0) {
    perror(count == 2 ? arguments[1] : "usage: power_cut FOLDER");
    return 1;
  }
  return 0;
}
