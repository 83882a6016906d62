// Folders for the socket and the journal: nobody else may have put them there, or may change what is in them.
#pragma once

#include <sys/types.h>

#include <string>

namespace vslog {

/// Makes the folder of a file with those above it that are missing, with exactly this mode, or checks the one that is there. It must belong to us or root, and nobody else may write to it; what leads
/// to it and lies in a folder in which everybody may write must belong to us or root, too. `option`: the one that names the file. Throws SetupError.
void make_folder_of(const std::string& file, const char* option, mode_t mode);

}  // namespace vslog
