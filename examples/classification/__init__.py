"""Classification: AlexNet and ResNet v2 on ImageNet, a small net on CIFAR10 and Fashion-MNIST."""
