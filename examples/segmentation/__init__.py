"""Segmentation: DeepLabv3+ on street scenes, the fully convolutional AlexNet on PASCAL VOC."""
