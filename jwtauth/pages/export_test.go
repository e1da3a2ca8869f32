package pages

// DescribeUserAgent is describeUserAgent, for tests.
var DescribeUserAgent = describeUserAgent
