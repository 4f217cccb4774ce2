%% Why a request got no answer from an app, and what its client is told: the only table of statuses.
%%
%% Before the head of a response a reason becomes a status; after it the response is broken off, so
%% that the client sees that it is not whole.
%% @hidden
-module(gwport_status).

-export([status/1, headers/1, text/1, reason/1]).

-export_type([reason/0]).

-type reason() ::
    bad_request        % the client sent what must not reach an app
  | no_mount           % nothing is mounted at the path, and nobody else takes the request
  | no_pool            % no pool of that name runs on this node
  | no_port            % the pool has no port that is ready
  | busy               % every port has max_streams under way, or a peer has its share of them
  | draining           % the port took no new streams when the request reached it
  | not_entered        % the port ended, and the app is known not to have been entered
  | port_died          % the port ended, and the app may have been entered
  | refused            % the program did not take the stream
  | no_app             % the program has no app of the route's name
  | app_failed         % the app panicked or gave up without an answer
  | bad_response       % the program sent what cannot be passed on
  | too_large_response % a response head over max_head
  | head_timeout       % nothing of a response in time
  | idle_timeout       % no byte either way for too long
  | deadline           % the whole exchange took too long
  | too_large_head     % a request head over the program's max_head
  | too_large_target   % a request's path and query over the route's max_target
  | too_many_fields    % more header fields in a request than the route's max_fields
  | too_large_header   % names and values of a request's fields over the route's max_header
  | too_large_body     % a request body over the route's max_body
  | slow_body          % the client fell behind the route's min_body_rate
  | bad_option.        % the route's options are wrong

-spec status(reason()) -> 400..599.
status(bad_request) -> 400;
status(no_mount) -> 404;
status(slow_body) -> 408;
status(too_large_body) -> 413;
status(too_large_target) -> 414;
status(too_large_head) -> 431;
status(too_many_fields) -> 431;
status(too_large_header) -> 431;
status(no_app) -> 500;
status(app_failed) -> 500;
status(bad_option) -> 500;
status(port_died) -> 502;
status(bad_response) -> 502;
status(too_large_response) -> 502;
status(no_pool) -> 503;
status(no_port) -> 503;
status(busy) -> 503;
status(draining) -> 503;
status(not_entered) -> 503;
status(refused) -> 503;
status(head_timeout) -> 504;
status(idle_timeout) -> 504;
status(deadline) -> 504.

%% What could succeed a moment later says so.
-spec headers(reason()) -> [{binary(), binary()}].
headers(Reason) ->
    [{<<"content-type">>, <<"text/plain; charset=utf-8">>}
        | [{<<"retry-after">>, <<"1">>} || status(Reason) =:= 503]].

%% The body: enough for a person with curl, nothing about the inside.
-spec text(reason()) -> binary().
text(bad_request) -> <<"The request is not valid.\n">>;
text(no_mount) -> <<"Nothing is mounted here.\n">>;
text(too_large_body) -> <<"The request's body is too large.\n">>;
text(slow_body) -> <<"The request's body came too slowly.\n">>;
text(too_large_target) -> <<"The request's target is too long.\n">>;
text(too_large_head) -> <<"The request's header fields are too large.\n">>;
text(too_many_fields) -> <<"The request has too many header fields.\n">>;
text(too_large_header) -> <<"The request's header fields are too large.\n">>;
text(Reason) ->
    case status(Reason) of
        500 -> <<"The application failed.\n">>;
        502 -> <<"The application gave no valid answer.\n">>;
        503 -> <<"The application is not available right now.\n">>;
        504 -> <<"The application did not answer in time.\n">>
    end.

%% The reason behind an abort by the program.
-spec reason(gwport_frame:code()) -> reason().
reason(refused) -> refused;
reason(no_app) -> no_app;
reason(deadline) -> deadline;
reason(head_timeout) -> head_timeout;
reason(idle_timeout) -> idle_timeout;
reason(internal_error) -> app_failed;
reason(cancelled) -> app_failed;
reason(no_error) -> app_failed;
reason(too_large) -> too_large_response;
reason(port_closed) -> port_died;
reason(Code) when Code =:= bad_payload; Code =:= bad_order; Code =:= bad_credit;
        Code =:= flow_exceeded; Code =:= bad_length; Code =:= bad_response ->
    bad_response.
