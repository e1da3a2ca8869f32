package pages

// DescribeUserAgent says what a User-Agent stands for.
var DescribeUserAgent = describeUserAgent
