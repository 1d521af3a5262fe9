"""Stand-in for rules_cc, which Bazel 4 downloads before it runs any cc_test: the rules that Bazel 4 has built in."""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_libc_top_alias = native.cc_libc_top_alias
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_alias = native.cc_toolchain_alias
cc_toolchain_suite = native.cc_toolchain_suite
objc_library = native.objc_library
