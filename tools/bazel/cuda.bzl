"""The .cu sources: through nvcc for GPUs, and as C++ for tests without one."""

load("@local_config_cuda//:build_defs.bzl", "ARCHITECTURES", "CUDA", "NVCC")

def _nvcc_objects_impl(ctx):
    contexts = [dep[CcInfo].compilation_context for dep in ctx.attr.deps]
    headers = depset(ctx.files.hdrs, transitive = [c.headers for c in contexts])
    includes = depset(transitive = [c.quote_includes for c in contexts])
    system = depset(transitive = [c.system_includes for c in contexts])
    objects = []
    for src in ctx.files.srcs:
        object = ctx.actions.declare_file("%s/%s.pic.o" % (ctx.label.name, src.basename))
        args = ctx.actions.args()
        args.add_all(ctx.attr.copts)
        for arch in ARCHITECTURES:
            args.add("-gencode=arch=compute_%s,code=sm_%s" % (arch, arch))

        # What GPUs that come later compile for themselves.
        args.add("-gencode=arch=compute_%s,code=compute_%s" % (ARCHITECTURES[-1], ARCHITECTURES[-1]))
        args.add_all(includes, before_each = "-I")
        args.add_all(system, before_each = "-isystem")
        args.add_all(["-c", src, "-o", object])
        ctx.actions.run(
            executable = NVCC,
            arguments = [args],
            inputs = depset([src], transitive = [headers]),
            outputs = [object],
            mnemonic = "Nvcc",
            use_default_shell_env = True,
        )
        objects.append(object)
    return [DefaultInfo(files = depset(objects))]

_nvcc_objects = rule(
    implementation = _nvcc_objects_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".cu"]),
        "hdrs": attr.label_list(allow_files = [".h"]),
        "deps": attr.label_list(providers = [CcInfo]),
        "copts": attr.string_list(),
    },
)

def cuda_library(name, cuda_srcs, srcs, hdrs, copts, nvcc_opts, deps, **kwargs):
    """A cc_library whose .cu sources go through nvcc; empty where the build is without CUDA."""
    if not CUDA:
        native.cc_library(name = name, **kwargs)
        return
    deps = deps + ["@local_config_cuda//:cudart"]
    _nvcc_objects(name = name + "_objects", srcs = cuda_srcs, hdrs = hdrs, copts = nvcc_opts, deps = deps)
    native.cc_library(
        name = name,
        srcs = srcs + [":" + name + "_objects"],
        hdrs = hdrs,
        copts = copts,
        deps = deps,
        **kwargs
    )

def cuda_on_cpu_library(name, cuda_srcs, srcs, hdrs, copts, deps, **kwargs):
    """The same sources as C++, to run by cuda_on_cpu.h."""
    for src in cuda_srcs:
        native.genrule(
            name = "%s_%s" % (name, src.replace("/", "_")),
            srcs = [src],
            outs = [src + ".cc"],
            # Bazel compiles no .cu as C++.
            cmd = "cp $< $@",
        )
    native.cc_library(
        name = name,
        srcs = srcs + [src + ".cc" for src in cuda_srcs],
        hdrs = hdrs,
        copts = copts,
        defines = ["DAU_CUDA_ON_CPU"],
        deps = deps,
        **kwargs
    )
