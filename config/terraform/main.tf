# An example for EKS: a bucket, a role for it (EKS Pod Identity), and the Helm chart.
#
# CI parses and scans it; it has never been planned or applied. The cluster exists already, with the
# add-on eks-pod-identity-agent, and so does the Secret slimgate: see config/helm/slimgate/README.md.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws  = { source = "hashicorp/aws", version = "~> 6.0" }
    helm = { source = "hashicorp/helm", version = "~> 3.0" }
  }
}

variable "cluster" {
  description = "Name of the EKS cluster."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket that is made."
  type        = string
}

variable "image" {
  description = "Registry and name of the image."
  type        = string
}

variable "namespace" {
  description = "Namespace of the release."
  type        = string
  default     = "storage"
}

data "aws_region" "here" {}

resource "aws_s3_bucket" "images" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "images" {
  bucket                  = aws_s3_bucket.images.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "images" {
  bucket = aws_s3_bucket.images.id
  versioning_configuration {
    status = "Enabled"
  }
}

# With keys of KMS, ETags are no MD5s, which some clients compare.
resource "aws_s3_bucket_server_side_encryption_configuration" "images" {
  bucket = aws_s3_bucket.images.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "images" {
  bucket = aws_s3_bucket.images.id
  rule {
    id     = "leftovers"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.images.arn, "${aws_s3_bucket.images.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "images" {
  bucket = aws_s3_bucket.images.id
  policy = data.aws_iam_policy_document.tls_only.json
}

data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "store" {
  statement {
    actions = [
      "s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration", "s3:ListBucket",
      "s3:ListBucketMultipartUploads", "s3:ListBucketVersions",
    ]
    resources = [aws_s3_bucket.images.arn]
  }
  statement {
    actions = [
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectTagging",
      "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectAttributes",
      "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionAttributes",
      "s3:GetObjectVersionTagging", "s3:ListMultipartUploadParts", "s3:PutObject",
      "s3:PutObjectTagging",
    ]
    resources = ["${aws_s3_bucket.images.arn}/*"]
  }
}

resource "aws_iam_role" "gateway" {
  name               = "slimgate-${var.bucket}"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}

resource "aws_iam_role_policy" "gateway" {
  name   = "store"
  role   = aws_iam_role.gateway.id
  policy = data.aws_iam_policy_document.store.json
}

resource "aws_eks_pod_identity_association" "gateway" {
  cluster_name    = var.cluster
  namespace       = var.namespace
  service_account = "demo-slimgate"
  role_arn        = aws_iam_role.gateway.arn
}

resource "helm_release" "slimgate" {
  name       = "demo"
  namespace  = var.namespace
  chart      = "${path.module}/../helm/slimgate"
  depends_on = [aws_eks_pod_identity_association.gateway]
  values = [yamlencode({
    image = { repository = var.image }
    config = {
      upstream = {
        endpoint = "https://s3.${data.aws_region.here.region}.amazonaws.com"
        region   = data.aws_region.here.region
      }
      credentials = [{ access_key = "slimgate", upstream = { chain = true } }]
      policies    = [{ name = "images", bucket = var.bucket, mode = "shadow" }]
    }
  })]
}
