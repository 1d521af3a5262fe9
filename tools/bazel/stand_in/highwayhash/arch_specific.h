#include "highwayhash/highwayhash.h"
