// The main program of every room's tests. Beside what GoogleTest prints it tells each test as it goes, in the file that VSLOG_TEST_REPORT names: a program that dies has then named the test
// that it died in. One line each, fields separated by tabs, tab, newline and backslash as \t, \n, \\:
//   plan NAME                      a test that is going to run; all of them stand before the first "run"
//   leave NAME                     a test that is not going to run: it is disabled, or a filter or a shard leaves it out; they stand there too
//   run NAME
//   fail TEXT                      a failed expectation of the test that runs, or of none
//   end NAME passed|failed|skipped MILLISECONDS
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

namespace {

void fatal(const std::string& what) {
  const std::string line = "vslog tests: " + what + ": " + std::strerror(errno) + ".\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(2);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t') out += "\\t";
    else if (c == '\n') out += "\\n";
    else if (c == '\\') out += "\\\\";
    else out += c;
  }
  return out;
}

std::string name_of(const testing::TestInfo& test) { return std::string(test.test_suite_name()) + "." + test.name(); }

class Report final : public testing::EmptyTestEventListener {
 public:
  explicit Report(const char* path) : fd_(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fatal(std::string("cannot write ") + path);
  }
  ~Report() override { close(fd_); }
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;

  void OnTestProgramStart(const testing::UnitTest& all) override {
    for (int s = 0; s < all.total_test_suite_count(); ++s) {
      const testing::TestSuite& suite = *all.GetTestSuite(s);
      for (int t = 0; t < suite.total_test_count(); ++t) {
        const testing::TestInfo& test = *suite.GetTestInfo(t);
        const bool runs = test.should_run() && !test.is_in_another_shard();
        say({runs ? "plan" : "leave", name_of(test)});
      }
    }
  }
  void OnTestStart(const testing::TestInfo& test) override { say({"run", name_of(test)}); }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const std::string where = result.file_name() == nullptr ? "" : result.file_name() + (":" + std::to_string(result.line_number())) + "\n";
    say({"fail", where + result.message()});
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    const testing::TestResult& result = *test.result();
    const char* const outcome = result.Failed() ? "failed" : result.Skipped() ? "skipped" : "passed";
    say({"end", name_of(test), outcome, std::to_string(result.elapsed_time())});
  }

 private:
  /// Writes a line at once: what has been told survives this process.
  void say(std::initializer_list<std::string> fields) const {
    std::string line;
    for (const std::string& field : fields) line += (line.empty() ? "" : "\t") + escaped(field);
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
      const ssize_t written = write(fd_, rest.data(), rest.size());
      if (written < 0) fatal("cannot write the report");
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  int fd_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* path = std::getenv("VSLOG_TEST_REPORT"); path != nullptr && *path != '\0') {
    testing::UnitTest::GetInstance()->listeners().Append(new Report(path));  // GoogleTest deletes it
  }
  return RUN_ALL_TESTS();
}
