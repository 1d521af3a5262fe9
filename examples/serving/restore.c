// Runs a PNG through an exported de-blurring network: TensorFlow's C API, libpng, no Python.
//
//   images [1, H, W, 3] float32 = pixels / 255   ->   restored, the same shape   ->   clipped to 0..1, cut to 0..255
//
// What the graph calls its input and output, the SavedModel's assets.extra/dau_tf.json tells.

#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensorflow/c/c_api.h>

static const char kUsage[] =
    "usage: restore OP_LIBRARY SAVED_MODEL IN.png OUT.png [INPUT OUTPUT]\n"
    "  OP_LIBRARY   _dau_ops.so, built for this TensorFlow; - for a model of stock layers\n"
    "  SAVED_MODEL  folder of `python -m examples.deblurring.export`\n"
    "  INPUT        default serving_default_images:0\n"
    "  OUTPUT       default StatefulPartitionedCall:0\n";

static void Fail(const char* what, const char* which, const char* why) {
  fprintf(stderr, "restore: %s %s: %s\n", what, which, why);
  exit(1);
}

static void Check(const TF_Status* status, const char* what, const char* which) {
  if (TF_GetCode(status) != TF_OK) Fail(what, which, TF_Message(status));
}

// Pixels of an RGB image, 3 width height bytes, and its size; alpha is composed onto black.
static uint8_t* ReadPng(const char* path, png_image* image) {
  memset(image, 0, sizeof *image);
  image->version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(image, path)) Fail("cannot read", path, image->message);
  image->format = PNG_FORMAT_RGB;
  uint8_t* pixels = malloc(PNG_IMAGE_SIZE(*image));
  const png_color black = {0, 0, 0};
  if (pixels == NULL) Fail("cannot read", path, "out of memory");
  if (!png_image_finish_read(image, &black, pixels, 0, NULL)) Fail("cannot read", path, image->message);
  return pixels;
}

// "name:index", as signatures write it.
static TF_Output FindTensor(TF_Graph* graph, const char* tensor) {
  char name[256];
  const char* colon = strrchr(tensor, ':');
  const size_t length = colon == NULL ? strlen(tensor) : (size_t)(colon - tensor);
  if (length >= sizeof name) Fail("cannot find", tensor, "the name is too long");
  memcpy(name, tensor, length);
  name[length] = '\0';
  TF_Output output = {TF_GraphOperationByName(graph, name), colon == NULL ? 0 : atoi(colon + 1)};
  if (output.oper == NULL || output.index < 0 || output.index >= TF_OperationNumOutputs(output.oper)) {
    Fail("cannot find", tensor, "the graph has no such tensor; assets.extra/dau_tf.json tells its names");
  }
  return output;
}

static TF_Tensor* ToTensor(const uint8_t* pixels, const png_image* image) {
  const int64_t shape[] = {1, image->height, image->width, 3};
  const size_t count = PNG_IMAGE_SIZE(*image);
  TF_Tensor* tensor = TF_AllocateTensor(TF_FLOAT, shape, 4, count * sizeof(float));
  if (tensor == NULL) Fail("cannot make", "the input", "out of memory");
  float* values = TF_TensorData(tensor);
  for (size_t i = 0; i < count; ++i) values[i] = pixels[i] / 255.0f;
  return tensor;
}

static void ToPixels(const TF_Tensor* tensor, const png_image* image, uint8_t* pixels) {
  const size_t count = PNG_IMAGE_SIZE(*image);
  if (TF_TensorType(tensor) != TF_FLOAT || TF_TensorByteSize(tensor) != count * sizeof(float)) {
    Fail("cannot use", "the output", "it must be float32 of the image's size");
  }
  const float* values = TF_TensorData(tensor);
  for (size_t i = 0; i < count; ++i) {
    const float value = values[i] > 0.0f ? values[i] : 0.0f;  // NaN becomes 0
    pixels[i] = (uint8_t)((value < 1.0f ? value : 1.0f) * 255.0f);
  }
}

int main(int argc, char** argv) {
  if (argc != 5 && argc != 7) {
    fputs(kUsage, stderr);
    return 2;
  }
  const char *library = argv[1], *model = argv[2], *in = argv[3], *out = argv[4];
  png_image image;
  uint8_t* pixels = ReadPng(in, &image);

  TF_Status* status = TF_NewStatus();
  if (strcmp(library, "-") != 0) {
    TF_LoadLibrary(library, status);  // its ops are registered before the graph that calls them is read
    Check(status, "cannot load", library);
  }
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Graph* graph = TF_NewGraph();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, model, tags, 1, graph, NULL, status);
  Check(status, "cannot load", model);

  const TF_Output input = FindTensor(graph, argc == 7 ? argv[5] : "serving_default_images:0");
  const TF_Output output = FindTensor(graph, argc == 7 ? argv[6] : "StatefulPartitionedCall:0");
  TF_Tensor* given = ToTensor(pixels, &image);
  TF_Tensor* restored = NULL;
  TF_SessionRun(session, NULL, &input, &given, 1, &output, &restored, 1, NULL, 0, NULL, status);
  Check(status, "cannot run", model);
  ToPixels(restored, &image, pixels);
  if (!png_image_write_to_file(&image, out, 0, pixels, 0, NULL)) Fail("cannot write", out, image.message);

  TF_DeleteTensor(given);
  TF_DeleteTensor(restored);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteGraph(graph);
  TF_DeleteSessionOptions(options);
  TF_DeleteStatus(status);
  free(pixels);
  return 0;
}
