# vslog_bpf_skeleton(NAME): compiles native/bpf/NAME.bpf.c for the kernel and embeds it as a libbpf skeleton, generated/NAME.skel.h with struct NAME_bpf; target NAME_skeleton.
find_program(CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
find_program(LLVM_STRIP NAMES llvm-strip llvm-strip-14 llvm-strip-15 llvm-strip-16 llvm-strip-17 llvm-strip-18 llvm-strip-19 REQUIRED)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(BPF_ARCH x86)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(BPF_ARCH arm64)
else()
  message(FATAL_ERROR "The programs for the kernel are built for x86_64 and arm64, not for ${CMAKE_SYSTEM_PROCESSOR}")
endif()

set(BPF_DIR ${CMAKE_CURRENT_LIST_DIR}/../../bpf)
file(GLOB BPF_HEADERS CONFIGURE_DEPENDS ${BPF_DIR}/*.h)

function(vslog_bpf_skeleton NAME)
  set(object ${VSLOG_GENERATED}/${NAME}.bpf.o)
  set(skeleton ${VSLOG_GENERATED}/${NAME}.skel.h)
  add_custom_command(
    OUTPUT ${object}
    # Atomic fetch-and-add and exchange need instruction set v3.
    COMMAND ${CLANG} -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -mcpu=v3 -target bpf -D__TARGET_ARCH_${BPF_ARCH}
            -ffile-prefix-map=${VSLOG_ROOT}=. -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -I${BPF_DIR} -c ${BPF_DIR}/${NAME}.bpf.c -o ${object}
    COMMAND ${LLVM_STRIP} -g ${object}
    DEPENDS ${BPF_DIR}/${NAME}.bpf.c ${BPF_HEADERS})
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${NAME}_bpf > ${skeleton}
    DEPENDS ${object})
  add_custom_target(${NAME}_skeleton DEPENDS ${skeleton})
  add_dependencies(generated ${NAME}_skeleton)
endfunction()
