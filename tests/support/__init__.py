"""What tests of several rooms share: preconditions, the test host, leak detection. Imports no test."""
