# Flags of every program that is built without a sanitizer. test/e2e/hardening.test.ts reads in the built program what became of them.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

# A program at an address that nobody knows beforehand, whose tables the loader fills and then closes.
add_compile_options(-fPIE -fstack-protector-strong)
add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)

# Of what the compiler has for this machine. clash: a large frame cannot step over the guard page; cf, branch: indirect jumps land only where one may, and returns come back.
foreach(flag -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard)
  string(MAKE_C_IDENTIFIER "VSLOG_HAS${flag}" has)
  check_cxx_compiler_flag(${flag} ${has})
  if(${has})
    add_compile_options(${flag})
  endif()
endforeach()

# Calls whose buffer's size is known are checked; 3 also knows sizes that are computed. It needs the optimizer.
set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
check_cxx_source_compiles("#include <cstring>\nint main(int, char** v) { char to[8]; std::strcpy(to, v[0]); return to[0]; }" VSLOG_HAS_FORTIFY_3)
unset(CMAKE_REQUIRED_FLAGS)
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=$<IF:$<BOOL:${VSLOG_HAS_FORTIFY_3}>,3,2>>)
